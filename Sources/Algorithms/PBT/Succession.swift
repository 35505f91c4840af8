// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Fills slots one after another: what the next trial is.
///
/// Every finished member of generation g has one successor in generation g + 1. A member whose child
/// is alive (pending or finished) has been succeeded by it. A second child of the same parent has
/// succeeded a member that gave way; which one is not told, and it was one of the worst. So the
/// members that still wait for a successor are those without a child, less as many of the worst as
/// there are second children. This is all that has to be known, and history alone tells it.
///
/// The lowest generation that has a slot goes first, within it lost trials (failed or killed) before
/// successors, and successors of better members before those of worse ones: where a slot must be
/// filled before the generation is complete, that is the choice which late results change least.
///
/// When every member is running and more is asked for, the population grows: by new members before
/// anything has finished, by children of the best afterwards.
///
/// What surprises: a lost trial is issued again whether or not its generation counts a slot for it.
/// It was a member, so it brings no more than there were; and of a population that has grown, no
/// loss opens a slot.
struct Succession {
  enum Step: Equatable {
    /// A member that begins from nothing.
    case new
    /// A lost trial (its position in the history) once more, with the same hyperparameters.
    case again(Int)
    /// The child of a trial, of the given generation.
    case child(of: Int, generation: Int)
  }

  /// How often a trial may fail before its hyperparameters are taken for the reason.
  static let attempts = 3

  /// The slots of one generation.
  private struct Slots {
    /// Finished members of the generation before that have no living child, best first.
    var waiting: [Int] = []
    /// Living children beyond the first of their parent, or of nobody known.
    var surplus = 0
    /// Lost trials that were not issued again, oldest first.
    var lost: [Int] = []

    var count: Int { waiting.count - surplus }

    mutating func fill(childOf parent: Int?) {
      if let parent, let i = waiting.firstIndex(of: parent) {
        waiting.remove(at: i)
      } else {
        surplus += 1
      }
    }
  }

  private let population: Population
  private let selection: Selection
  private var slots: [Int: Slots] = [:]
  /// The generations that may have slots, ascending, from the first that was not found full.
  private var order: ArraySlice<Int>
  private var vacancies: Int
  /// Whether a slot of generation 0 may still be filled with a new member: later on it would be
  /// far behind.
  private let takesNewMembers: Bool

  /// - Parameters:
  ///   - points: what tells the hyperparameters of trials apart.
  ///   - attempts: how often a trial may fail; nil for any number of times.
  init(
    _ population: Population, _ selection: Selection, points: [PointKey], size: Int, attempts: Int?
  ) {
    self.population = population
    self.selection = selection
    var living = Array(repeating: 0, count: population.tags.count)
    var newest = 0
    var founders = 0
    for (generation, finished) in selection.finished {
      slots[generation + 1, default: Slots()].waiting = finished
    }
    for (trial, generation) in population.generations.enumerated() {
      guard let generation, population.isLive[trial] else { continue }
      newest = max(newest, generation)
      guard generation > 0 else {
        founders += 1
        continue
      }
      if let parent = population.parents[trial] {
        living[parent] += 1
        if living[parent] == 1 { continue }
      }
      slots[generation, default: Slots()].surplus += 1
    }
    for generation in slots.keys { slots[generation]?.waiting.removeAll { living[$0] > 0 } }
    vacancies = size - founders
    takesNewMembers = newest <= 1
    for (generation, trials) in Succession.lost(population, points, attempts: attempts) {
      slots[generation, default: Slots()].lost = trials
    }
    order = [0] + slots.keys.filter { $0 > 0 }.sorted()
  }

  /// Takes notice of a new member that was issued without being asked for here.
  mutating func addNewMember() { vacancies -= 1 }

  mutating func next(using random: inout RandomSource) -> Step {
    while let generation = order.first {
      if let step = step(in: generation, using: &random) { return step }
      order.removeFirst()
    }
    guard let winner = selection.winner(using: &random) else { return .new }
    return .child(of: winner, generation: (population.generations[winner] ?? 0) + 1)
  }

  private mutating func step(in generation: Int, using random: inout RandomSource) -> Step? {
    var slots = self.slots[generation] ?? Slots()
    defer { self.slots[generation] = slots }
    if !slots.lost.isEmpty {
      let trial = slots.lost.removeFirst()
      if generation == 0 {
        vacancies -= 1
      } else {
        slots.fill(childOf: population.parents[trial])
      }
      return .again(trial)
    }
    if generation == 0 {
      guard vacancies > 0, takesNewMembers else { return nil }
      vacancies -= 1
      return .new
    }
    guard slots.count > 0 else { return nil }
    let parent = selection.parent(forSuccessorOf: slots.waiting[0], using: &random)
    slots.fill(childOf: parent)
    return .child(of: parent, generation: generation)
  }

  /// The lost trials of each generation that were not issued again, oldest first.
  ///
  /// Of trials with one parent and the same hyperparameters each takes the place of one that was
  /// lost before it, if there is one. The order is that in which they began, which is not always
  /// that of their indices: where the position fell, a trial takes the place of one with a larger
  /// index. Lost trials whose parent does not show are left out: nobody knows which checkpoint they
  /// began from.
  private static func lost(
    _ population: Population, _ points: [PointKey], attempts: Int?
  ) -> [Int: [Int]] {
    struct Line: Hashable {
      var generation: Int
      var parent: Int?
      var point: PointKey
    }
    let starts = population.startTimes
    let members = population.tags.indices
      .filter { population.tags[$0] != nil }
      .sorted {
        (starts[$0], population.tags[$0]?.index ?? 0, $0)
          < (starts[$1], population.tags[$1]?.index ?? 0, $1)
      }
    var open: [Line: [(trial: Int, failures: Int)]] = [:]
    for trial in members {
      guard let generation = population.generations[trial] else { continue }
      let parent = population.parents[trial]
      guard parent != nil || generation == 0 else { continue }
      let line = Line(generation: generation, parent: parent, point: points[trial])
      var failures = 0
      if let before = open[line]?.popLast() { failures = before.failures }
      guard !population.isLive[trial] else { continue }
      if population.hasFailed[trial] { failures += 1 }
      open[line, default: []].append((trial, failures))
    }
    var lost: [Int: [Int]] = [:]
    for (line, trials) in open {
      for (trial, failures) in trials where failures < attempts ?? .max {
        lost[line.generation, default: []].append(trial)
      }
    }
    return lost.mapValues { trials in
      trials.sorted {
        (population.tags[$0]?.index ?? 0, $0) < (population.tags[$1]?.index ?? 0, $1)
      }
    }
  }
}
