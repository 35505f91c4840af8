// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct HyperbandTests {
  typealias Trial = SimulatedController.Trial

  /// Whether the brackets of the first round are over.
  static func isRoundOver(_ example: RungExample, _ trials: [Trial]) -> Bool {
    let schedule = example.schedule
    let brackets = example.brackets(trials)
    return schedule.brackets.indices.allSatisfy { bracket in
      guard let top = brackets[bracket]?[schedule.topLevel] else { return false }
      return top.count == schedule.brackets[bracket].last?.population
        && top.allSatisfy { !$0.isActive }
    }
  }

  @Test(arguments: HyperbandScheduleTests.theory, [1, 3, 9, 30])
  func populationsAreThoseOfTheTheory(
    _ theory: (largest: Double, eta: Double, brackets: [[Int]]), _ parallel: Int
  ) throws {
    let seed = UInt64(parallel)
    let example = RungExample(largest: theory.largest, eta: theory.eta)
    var controller = example.controller(parallel: parallel, seed: seed)
    controller.rates.lostReplies = 0.1
    let total = theory.brackets.reduce(0) { $0 + $1.reduce(0, +) }
    // Idle workers run ahead into further rounds.
    try controller.run(maximum: 4 * total + 8 * parallel) {
      HyperbandTests.isRoundOver(example, $0.trials)
    }
    let place = "R \(theory.largest), eta \(theory.eta), parallel \(parallel), seed \(seed)"
    #expect(controller.violations.isEmpty, "\(place): \(controller.violations)")
    let found = example.brackets(controller.trials)
    for (bracket, populations) in theory.brackets.enumerated() {
      let rungs = found[bracket] ?? [:]
      #expect(rungs.sorted { $0.key < $1.key }.map(\.value.count) == populations, "\(place)")
      HyperbandTests.expectTheBestWentOn(rungs, place)
    }
    #expect(found[-1] == nil, "\(place)")
    if parallel == 1 {
      // Nobody waits, so nothing runs ahead.
      #expect(controller.trials.count == total, "\(place)")
    }
  }

  /// Whoever went on was better than whoever did not.
  static func expectTheBestWentOn(_ rungs: [Int: [Trial]], _ place: String) {
    for (level, trials) in rungs {
      guard let next = rungs[level + 1], !next.isEmpty else { continue }
      let promoted = Set(next.map { $0.configuration(without: RungExample.resource) })
      let split = Dictionary(grouping: trials) {
        promoted.contains($0.configuration(without: RungExample.resource))
      }.mapValues { $0.compactMap { $0.objective.flatMap { NumberText.parse($0) } } }
      #expect(split[true]?.count == next.count, "\(place): somebody skipped a rung")
      if let worst = split[true]?.max(), let best = split[false]?.min() {
        #expect(worst < best, "\(place), level \(level)")
      }
    }
  }

  /// Failed and killed trials fill their slots and do not go on; fewer go on where fewer finished.
  @Test(arguments: [1, 3, 9, 30], [0.1, 0.5])
  func failuresCloseTheirSlots(_ parallel: Int, _ rate: Double) throws {
    let example = RungExample(largest: 27, eta: 3)
    for seed: UInt64 in 0..<3 {
      var controller = example.controller(parallel: parallel, seed: seed)
      controller.rates.failed = rate / 2
      controller.rates.killed = rate / 2
      controller.changes = [20: parallel + 3, 60: parallel + 6]
      try controller.run(maximum: 280 + 20 * parallel)
      let place = "parallel \(parallel), rate \(rate), seed \(seed)"
      #expect(controller.violations.isEmpty, "\(place): \(controller.violations)")
      let found = example.brackets(controller.trials)
      // All but the last round are over.
      for bracket in 0..<4 {
        let rungs = found[bracket] ?? [:]
        let theory = example.schedule.brackets[bracket]
        #expect(rungs[theory[0].level]?.count == theory[0].population, "\(place)")
        for (rung, next) in zip(theory, theory.dropFirst()) {
          let finished = (rungs[rung.level] ?? []).filter { $0.objective != nil }.count
          let expected = min(next.population, finished)
          #expect(rungs[next.level, default: []].count == expected, "\(place), \(bracket)")
        }
        HyperbandTests.expectTheBestWentOn(rungs, place)
      }
    }
  }

  /// Lowered parallelism deletes trials, finished ones too; some are hidden, replies get lost: the
  /// count stays exact, no name comes twice, rungs are not overfilled, and rounds still end.
  ///
  /// Deleted and hidden trials look alike, and which of one second are deleted is arbitrary: a
  /// hidden one that is taken for deleted gets its slot filled again. That must stay rare.
  @Test(arguments: [3, 9, 30])
  func disturbancesDoNotOverfillRungs(_ parallel: Int) throws {
    let example = RungExample(largest: 27, eta: 3)
    for seed: UInt64 in 0..<8 {
      var controller = example.controller(parallel: parallel, seed: seed)
      controller.rates = .init(failed: 0.1, killed: 0.05, hidden: 0.1, early: 0.1, lostReplies: 0.2)
      controller.changes = [10: 2, 25: parallel + 5, 40: 1, 55: parallel, 90: parallel / 2 + 1]
      try controller.run(maximum: 220)
      let place = "parallel \(parallel), seed \(seed)"
      #expect(controller.violations.isEmpty, "\(place): \(controller.violations)")
      let naming = TrialNaming(experiment: "rungs", namespace: "default", seed: seed)
      let tags = controller.trials.map { trial in
        naming.decode(trial.name).map { RungTag(detail: $0.detail) }
      }
      var population: [RungPlace: Int] = [:]
      for tag in tags {
        let number = try #require(tag?.number, "\(place)")
        let bracket = example.schedule.place(ofConfiguration: number).bracket
        population[RungPlace(bracket: bracket, level: tag?.level ?? -1), default: 0] += 1
      }
      var excess = 0
      for (key, count) in population {
        let rungs = example.schedule.rungs(ofBracket: key.bracket)
        let theory = rungs.first { $0.level == key.level }?.population ?? 0
        excess += max(0, count - theory)
      }
      #expect(excess <= (parallel < 30 ? 1 : 5), "\(place): \(population)")
      // Four brackets a round; at 220 trials the first one is over.
      for bracket in 0..<4 {
        let base = example.schedule.rungs(ofBracket: bracket)[0]
        let key = RungPlace(bracket: bracket, level: base.level)
        #expect(population[key] ?? 0 >= base.population / 2, "\(place), bracket \(bracket)")
      }
    }
  }

  private struct RungPlace: Hashable {
    let bracket: Int
    let level: Int
  }

  /// A configuration whose trial never shows its metrics on the next rung must not be sent there
  /// again and again.
  @Test(arguments: ["hyperband", "asha"], [1, 4])
  func aHiddenPromotionIsNotRepeated(_ algorithm: String, _ parallel: Int) throws {
    var example = RungExample(largest: 9, eta: 3)
    example.algorithm = algorithm
    var controller = example.controller(parallel: parallel, seed: 5)
    while controller.trials.count < 60 {
      try controller.run(maximum: controller.completed + 1)
      for i in controller.trials.indices
      where controller.trials[i][RungExample.resource] != "1" && !controller.trials[i].isActive {
        controller.trials[i].condition = .metricsUnavailable
      }
    }
    #expect(controller.violations.isEmpty, "\(controller.violations)")
    let promoted = controller.trials.filter { $0[RungExample.resource] == "3" }
    let configurations = Set(promoted.map { $0.configuration(without: RungExample.resource) })
    #expect(promoted.count > 4)
    #expect(configurations.count == promoted.count)
  }

  /// A running trial that never ends holds up its own bracket and nothing else.
  @Test func nothingWaitsForAStraggler() throws {
    let example = RungExample(largest: 9, eta: 3)
    var controller = example.controller(parallel: 2, seed: 1)
    try controller.ask(1)
    controller.trials[0].due = .max
    try controller.run(maximum: 60)
    #expect(controller.violations.isEmpty)
    let found = example.brackets(controller.trials)
    #expect(found[0]?.mapValues(\.count) == [0: 9])
    for bracket in 1..<6 {
      let populations = example.schedule.rungs(ofBracket: bracket).map(\.population)
      let rungs = (found[bracket] ?? [:]).sorted { $0.key < $1.key }.map(\.value.count)
      #expect(rungs == populations, "bracket \(bracket)")
    }
  }

  /// Kill, restart, shuffle, ask again: the reply is a function of the request. With settings that
  /// do not come back, too.
  @Test(arguments: ["hyperband", "asha"])
  func aClientThatKeepsNoSettingsIsServed(_ algorithm: String) throws {
    var example = RungExample(largest: 9, eta: 3)
    example.algorithm = algorithm
    for seed: UInt64 in 0..<4 {
      var controller = example.controller(parallel: 4, seed: seed)
      controller.keepsSettings = false
      controller.rates = .init(failed: 0.1, hidden: 0.1, lostReplies: 0.1)
      try controller.run(maximum: 80)
      #expect(controller.violations.isEmpty, "seed \(seed): \(controller.violations)")
      let top = controller.trials.filter { $0[RungExample.resource] == "9" }
      #expect(top.count >= 3, "seed \(seed)")
    }
  }
}
