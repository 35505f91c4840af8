// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// `hyperband`: which slots of which brackets are to be filled next.
///
/// The published algorithm runs bracket after bracket and waits for every rung. Katib asks for K
/// trials whenever K workers are idle, so here waiting never leaves a worker idle: from the oldest
/// bracket on, every rung that is over sends its best to the next one; what is still wanted becomes
/// new configurations of the first bracket that lacks some, then of the ones after it, round after
/// round until the budget ends. Each bracket still gets exactly the populations of the theory, at
/// any parallelism.
///
/// Failed, killed and hidden trials are over like others; they fill their slots and do not go on.
/// So a rung can hold fewer configurations than the theory says, when not as many have finished
/// below it.
///
/// What surprises: a bracket that has promoted keeps that rung closed, although a trial in it may
/// run again (a person deleted it) or be gone (the controller did). The promotions stand.
struct BracketTable {
  private struct Bracket {
    /// Configurations by their slots.
    var slots: [Int: Int] = [:]
    /// The highest level on which one of our own trials stands.
    var promotedTo = -1
  }

  private let ledger: RungLedger
  private let schedule: HyperbandSchedule
  private var brackets: [Bracket] = []

  init(_ ledger: RungLedger, _ schedule: HyperbandSchedule) {
    self.ledger = ledger
    self.schedule = schedule
    var others: [Int] = []
    for (i, configuration) in ledger.configurations.enumerated() {
      guard let number = configuration.number else {
        others.append(i)
        continue
      }
      let place = schedule.place(ofConfiguration: number)
      reach(place.bracket)
      brackets[place.bracket].slots[place.slot] = i
      brackets[place.bracket].promotedTo = max(
        brackets[place.bracket].promotedTo, configuration.lastLevel)
    }
    fill(others)
  }

  private mutating func reach(_ bracket: Int) {
    while brackets.count <= bracket { brackets.append(Bracket()) }
  }

  /// Configurations without a number take the first free slots on their levels, in their order:
  /// Katib's image runs the same brackets.
  private mutating func fill(_ configurations: [Int]) {
    var next: [Int: (bracket: Int, slot: Int)] = [:]
    for i in configurations {
      let level = ledger.configurations[i].firstLevel
      guard let first = schedule.brackets.firstIndex(where: { $0[0].level == level }) else {
        continue
      }
      var (bracket, slot) = next[level] ?? (first, 0)
      while true {
        let rungs = schedule.rungs(ofBracket: bracket)
        reach(bracket)
        if rungs[0].level != level || slot >= rungs[0].population {
          (bracket, slot) = (bracket + 1, 0)
        } else if brackets[bracket].slots[slot] != nil {
          slot += 1
        } else {
          break
        }
      }
      brackets[bracket].slots[slot] = i
      next[level] = (bracket, slot + 1)
    }
  }

  // MARK: - Deciding

  /// - Parameters:
  ///   - count: how many slots are wanted.
  ///   - bases: how many of them, the first, must be new configurations.
  func slots(count: Int, bases: Int) -> [RungSlot] {
    var slots: [RungSlot] = []
    var firstFree = (bracket: 0, slot: 0)
    while slots.count < bases {
      if let slot = freeSlot(firstFree.bracket, from: firstFree.slot) {
        slots.append(base(firstFree.bracket, slot))
        firstFree.slot = slot + 1
      } else {
        firstFree = (firstFree.bracket + 1, 0)
      }
    }
    var bracket = 0
    while slots.count < count {
      slots += promotions(bracket).prefix(count - slots.count)
      var slot = bracket < firstFree.bracket ? nil : freeSlot(bracket, from: 0)
      if bracket == firstFree.bracket { slot = freeSlot(bracket, from: firstFree.slot) }
      while slots.count < count, let free = slot {
        slots.append(base(bracket, free))
        slot = freeSlot(bracket, from: free + 1)
      }
      bracket += 1
    }
    return slots
  }

  private func base(_ bracket: Int, _ slot: Int) -> RungSlot {
    .base(
      number: schedule.number(bracket: bracket, slot: slot),
      level: schedule.rungs(ofBracket: bracket)[0].level)
  }

  /// The first free slot of a bracket's base from `slot` on; nil too where the base is closed.
  private func freeSlot(_ bracket: Int, from slot: Int) -> Int? {
    let base = schedule.rungs(ofBracket: bracket)[0]
    guard bracket < brackets.count else { return slot < base.population ? slot : nil }
    guard brackets[bracket].promotedTo <= base.level else { return nil }
    var slot = slot
    while slot < base.population {
      if brackets[bracket].slots[slot] == nil { return slot }
      slot += 1
    }
    return nil
  }

  /// Who goes on to the next rung of a bracket, best first.
  private func promotions(_ bracket: Int) -> [RungSlot] {
    guard bracket < brackets.count, !brackets[bracket].slots.isEmpty else { return [] }
    let rungs = schedule.rungs(ofBracket: bracket)
    let members = brackets[bracket].slots.sorted { $0.key < $1.key }.map(\.value)
    var isFull = members.count >= rungs[0].population
    for (rung, next) in zip(rungs, rungs.dropFirst()) {
      let isOver =
        brackets[bracket].promotedTo > rung.level
        || isFull
          && members.allSatisfy { ledger.configurations[$0].outcome(at: rung.level) != .pending }
      guard isOver else { return [] }
      let promoted = members.filter { ledger.configurations[$0].lastLevel > rung.level }
      let waiting = ledger.ranked(members, level: rung.level).filter {
        ledger.configurations[$0].lastLevel == rung.level
      }
      let missing = min(next.population - promoted.count, waiting.count)
      if missing > 0 {
        return waiting.prefix(missing).map { .promotion(configuration: $0, level: next.level) }
      }
      isFull = true
    }
    return []
  }
}
