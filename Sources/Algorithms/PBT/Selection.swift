// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// Truncation selection: who continues, and who is replaced by a copy of whom.
///
/// A member of a complete generation is compared with its generation: the worst
/// ⌈threshold · N⌉ give way to copies of members drawn at random from the best ⌈threshold · N⌉.
///
/// Slots may have to be filled before a generation is complete. A member is then compared both with
/// those of its generation that have finished and with the N members that finished last, of whatever
/// generation, which is what asynchronous population-based training does (Jaderberg et al. 2017,
/// section 3.1): to be among the worst of either is enough. Of fewer than N the number of the worst
/// is rounded down, so that one result alone condemns nobody. Copies are made of members of the same
/// generation in all cases, so a generation is a number of training intervals.
///
/// What surprises: nobody is replaced by a copy of a member that is no better. With all results
/// equal everybody continues, and a threshold above 1/2, at which the two groups overlap, does no
/// harm.
struct Selection {
  private let population: Population
  private let size: Int
  private let threshold: Double
  /// The finished members of each generation, best first.
  let finished: [Int: [Int]]
  /// The members that finished last, at most `size`, best first.
  private let latest: [Int]

  init(_ population: Population, size: Int, threshold: Double) {
    self.population = population
    self.size = size
    self.threshold = threshold
    let all = population.finished
    finished = Dictionary(grouping: all) { population.generations[$0] ?? 0 }
      .mapValues { population.ranked($0) }
    latest = population.ranked(
      all.sorted { population.ages[$0] < population.ages[$1] }.suffix(size))
  }

  /// Whose checkpoint and hyperparameters the successor of `member` takes: its own, or those of a
  /// better one of its generation.
  func parent(forSuccessorOf member: Int, using random: inout RandomSource) -> Int {
    let generation = finished[population.generations[member] ?? 0] ?? []
    guard
      isAmongTheWorst(member, of: generation)
        || generation.count < size && isAmongTheWorst(member, of: latest)
    else { return member }
    let value = population.values[member]
    let winners = best(of: generation).filter { population.values[$0] < value }
    guard !winners.isEmpty else { return member }
    return winners[random.uniform(below: winners.count)]
  }

  /// One of the best members of late, for slots that no generation has; nil before anything has
  /// finished.
  func winner(using random: inout RandomSource) -> Int? {
    let winners = best(of: latest)
    return winners.isEmpty ? nil : winners[random.uniform(below: winners.count)]
  }

  private func isBetter(_ a: Int, than b: Int) -> Bool {
    (population.values[a], population.ages[a]) < (population.values[b], population.ages[b])
  }

  private func isAmongTheWorst(_ member: Int, of group: [Int]) -> Bool {
    let losers = (threshold * Double(group.count)).rounded(group.count >= size ? .up : .down)
    return group.count(where: { isBetter(member, than: $0) }) < Int(losers)
  }

  private func best(of ranked: [Int]) -> ArraySlice<Int> {
    ranked.prefix(max(1, Int((threshold * Double(ranked.count)).rounded(.up))))
  }
}
