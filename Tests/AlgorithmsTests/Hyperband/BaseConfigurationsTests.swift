// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct BaseConfigurationsTests {
  /// At equal resource, in full trainings, the best that is fully trained is better than random
  /// search's on at least `least` of `tasks` tasks. A coin gets there in one of 16, 16 and 17 runs.
  @Test(arguments: [
    (algorithm: "hyperband", sampler: "model", budget: 30.0, parallel: 4, least: 6, tasks: 7),
    ("asha", "model", 15, 4, 6, 7), ("hyperband", "random", 30, 4, 14, 20),
  ])
  func theBestBeatsThatOfRandomSearch(
    _ race: (
      algorithm: String, sampler: String, budget: Double, parallel: Int, least: Int, tasks: Int
    )
  ) throws {
    var wins: [Int] = []
    for seed in 0..<race.tasks {
      let curves = LearningCurves(
        dimension: seed % 2 == 0 ? 4 : 8, hasCategory: true, seed: UInt64(seed))
      let ours = try curves.run(
        race.algorithm, settings: .of(["sampler": "\(race.sampler)"]), budget: race.budget,
        parallel: race.parallel)
      let random = try curves.run("random", budget: race.budget, parallel: race.parallel)
      if ours < random { wins.append(seed) }
    }
    #expect(wins.count >= race.least, "\(race): wins at seeds \(wins)")
  }

  /// Nine of ten results on a level say that x near 0.8 is best there.
  private static func experiment(_ settings: KeyValuePairs<String, String>) -> Experiment {
    Experiment(
      name: "base", objective: Objective(direction: .maximize, metricName: "loss"),
      algorithmName: "hyperband",
      algorithmSettings: .of([
        "r_l": "27", "resource_name": "epochs", "random_state": "1",
      ]) + .of(settings), parameterSpecs: [.double("x", "0", "1"), .int("epochs", "1", "27")])
  }

  private static func trials(
    _ count: Int, epochs: Int, optimum: Double, condition: TrialCondition = .succeeded
  ) -> [TrialFixture] {
    (0..<count).map { i in
      let x = (Double(i) + 0.5) / Double(count)
      return TrialFixture(
        "base-\(epochs)x\(i)", condition,
        .of(["x": NumberText.text(x), "epochs": "\(epochs)"]),
        objective: condition == .succeeded ? NumberText.text(-(x - optimum) * (x - optimum)) : nil,
        startTime: Int64(i), completionTime: Int64(i + 1))
    }
  }

  /// How far new configurations are from a place, on average.
  private static func distance(
    _ trials: [TrialFixture], to place: Double, _ settings: KeyValuePairs<String, String> = [:]
  ) throws -> Double {
    let seen = Set(trials.map { $0.assignments[0].value })
    let new = try experiment(settings).ask(60, after: trials).suggestions
      .map { $0.assignments[0].value }.filter { !seen.contains($0) }
      .compactMap { NumberText.parse($0) }
    #expect(new.count > 20)
    return new.reduce(0) { $0 + abs($1 - place) } / Double(new.count)
  }

  /// From D + 2 results on; a uniform x is 0.34 away from 0.8 on average.
  @Test func theModelNeedsResults() throws {
    let few = BaseConfigurationsTests.trials(2, epochs: 1, optimum: 0.8)
    #expect(try BaseConfigurationsTests.distance(few, to: 0.8) > 0.27)
    let enough = BaseConfigurationsTests.trials(12, epochs: 1, optimum: 0.8)
    #expect(try BaseConfigurationsTests.distance(enough, to: 0.8) < 0.24)
    #expect(
      try BaseConfigurationsTests.distance(enough, to: 0.8, ["sampler": "random"]) > 0.27)
    // Results that are none teach nothing.
    for condition: TrialCondition in [.failed, .killed, .running] {
      let none = BaseConfigurationsTests.trials(
        12, epochs: 1, optimum: 0.8, condition: condition)
      #expect(try BaseConfigurationsTests.distance(none, to: 0.8) > 0.27, "\(condition)")
    }
  }

  /// Results on little resource mislead: those on the most count.
  @Test func theLargestResourceCounts() throws {
    let trials =
      BaseConfigurationsTests.trials(12, epochs: 1, optimum: 0.2)
      + BaseConfigurationsTests.trials(6, epochs: 9, optimum: 0.8)
    #expect(try BaseConfigurationsTests.distance(trials, to: 0.8) < 0.24)
    // Two are too few: then the level below.
    let mixed =
      BaseConfigurationsTests.trials(12, epochs: 1, optimum: 0.2)
      + BaseConfigurationsTests.trials(2, epochs: 9, optimum: 0.8)
    #expect(try BaseConfigurationsTests.distance(mixed, to: 0.2) < 0.24)
  }

  /// A failed trial repels, unless it is to be ignored; a killed one never does.
  @Test func failuresRepel() throws {
    let good = BaseConfigurationsTests.trials(12, epochs: 1, optimum: 0.5)
    func failed(_ condition: TrialCondition) -> [TrialFixture] {
      (0..<30).map { i in
        TrialFixture(
          "gone-\(i)", condition,
          .of(["x": NumberText.text(0.5 + 0.01 * Double(i + 1)), "epochs": "1"]), startTime: 50,
          completionTime: 60)
      }
    }
    func above(
      _ condition: TrialCondition, _ settings: KeyValuePairs<String, String> = [:]
    ) throws -> Int {
      try BaseConfigurationsTests.experiment(settings)
        .ask(60, after: good + failed(condition)).suggestions
        .compactMap { NumberText.parse($0.assignments[0].value) }.filter { $0 > 0.52 && $0 < 0.8 }
        .count
    }
    let penalized = try above(.failed)
    let ignored = try above(.failed, ["failed_trials": "ignore"])
    #expect(penalized < ignored - 5, "\(penalized), \(ignored)")
    #expect(try above(.killed) == ignored)
    #expect(try above(.killed, ["failed_trials": "ignore"]) == ignored)
  }

  /// A configuration that fails below the modelled level never gets there. Such failures once only
  /// kept their very points from being tried again: `asha` sent 0.7 of its configurations into a
  /// region where everything fails on the smallest resource, whatever `failed_trials` said.
  @Test func failuresBelowTheModelledLevelRepel() throws {
    let good = BaseConfigurationsTests.trials(12, epochs: 9, optimum: 0.5)
    func above(
      epochs: Int, _ settings: KeyValuePairs<String, String> = [:]
    ) throws -> Int {
      let failed = (0..<30).map { i in
        TrialFixture(
          "gone-\(i)", .failed,
          .of(["x": NumberText.text(0.5 + 0.01 * Double(i + 1)), "epochs": "\(epochs)"]),
          startTime: 50, completionTime: 60)
      }
      return try BaseConfigurationsTests.experiment(settings).ask(60, after: good + failed)
        .suggestions.compactMap { NumberText.parse($0.assignments[0].value) }
        .filter { $0 > 0.52 && $0 < 0.8 }.count
    }
    let below = try [1, 3].map { try above(epochs: $0) }
    let ignored = try above(epochs: 1, ["failed_trials": "ignore"])
    #expect(below.allSatisfy { $0 < ignored - 5 }, "\(below), \(ignored)")
    // On a larger resource than the model's the failure may be one of the resource.
    #expect(try above(epochs: 27) > ignored - 5)
  }

  /// An Experiment on a grid whose best 40 % is dead: from level `level` on, trials there end in a
  /// certain way.
  private struct DeadRegion {
    var algorithm: String
    var largest = 1
    var settings: [SettingText] = []
    var ends: TrialCondition
    var level = 0

    /// - Returns: the points of new configurations, in the order of their issue.
    func run(parallel: Int, seed: UInt64) throws -> [(values: [String], isDead: Bool)] {
      let experiment = Experiment(
        name: "dead", objective: Objective(direction: .maximize, metricName: "loss"),
        algorithmName: algorithm,
        algorithmSettings: .of([
          "r_l": "\(largest)", "resource_name": "epochs",
          // The best point of all is dead, too.
          "initial_points": #"[{"x": "1", "y": "0.5"}]"#,
        ]) + settings,
        parameterSpecs: [
          .double("x", "0", "1", step: "0.05"), .double("y", "0", "1", step: "0.1"),
          .int("epochs", "1", "9"),
        ])
      var controller = SimulatedController(experiment, parallel: parallel, seed: seed) { trial in
        let (x, y) = (NumberText.parse(trial["x"]) ?? 0, NumberText.parse(trial["y"]) ?? 0)
        return x - (y - 0.5) * (y - 0.5)
      }
      func isDead(_ trial: SimulatedController.Trial) -> Bool {
        NumberText.parse(trial["x"]) ?? 0 > 0.6
      }
      let first = [1, 3, 9][level]
      while controller.completed < 80 {
        try controller.run(maximum: controller.completed + 1)
        for i in controller.trials.indices
        where !controller.trials[i].isActive && isDead(controller.trials[i])
          && Int(controller.trials[i]["epochs"]) ?? 0 >= first
        {
          controller.trials[i].condition = ends
          controller.trials[i].objective = nil
        }
      }
      #expect(controller.violations.isEmpty, "\(controller.violations)")
      let naming = TrialNaming(experiment: "dead", namespace: "default", seed: seed)
      var begun = Set<Int?>()
      return controller.trials.filter { trial in
        begun.insert(naming.decode(trial.name).flatMap { RungTag(detail: $0.detail).number })
          .inserted
      }.map { ($0.configuration(without: "epochs"), isDead($0)) }
    }

    /// How often points are proposed again, and the share of dead ones in the second half of each
    /// run, over some seeds.
    func account(parallel: Int) throws -> (repeats: Int, share: Double) {
      var repeats = 0
      var (dead, all) = (0, 0)
      for seed: UInt64 in 0..<4 {
        let points = try run(parallel: parallel, seed: seed)
        repeats += points.count - Set(points.map(\.values)).count
        let half = points.suffix(points.count / 2)
        dead += half.filter(\.isDead).count
        all += half.count
      }
      return (repeats, Double(dead) / Double(all))
    }
  }

  /// Trials without metrics do not show in any history. The record of open issues knew that they had
  /// been, but not where: the model kept going to the best region, where everything vanished, with
  /// 0.77 of its configurations and with 23 of 80 for the second time.
  @Test(arguments: ["hyperband", "asha"], [1, 4])
  func vanishedConfigurationsAreKnown(_ algorithm: String, _ parallel: Int) throws {
    for largest in [1, 9] {
      var region = DeadRegion(algorithm: algorithm, largest: largest, ends: .metricsUnavailable)
      let vanished = try region.account(parallel: parallel)
      region.ends = .failed
      let failed = try region.account(parallel: parallel)
      let place = "\(algorithm), parallel \(parallel), r_l \(largest): \(vanished), \(failed)"
      #expect(vanished.repeats == 0 && failed.repeats == 0, "\(place)")
      #expect(vanished.share < 0.45 && abs(vanished.share - failed.share) < 0.15, "\(place)")
    }
  }

  /// Neither do promotions that vanish; their configurations are known from lower rungs. Level 1 is
  /// modelled as soon as enough of those that begin there have results.
  @Test func vanishedPromotionsRepel() throws {
    var region = DeadRegion(
      algorithm: "hyperband", largest: 9, ends: .metricsUnavailable, level: 1)
    let penalized = try region.account(parallel: 2)
    region.settings = .of(["failed_trials": "ignore"])
    let ignored = try region.account(parallel: 2)
    #expect(penalized.share < ignored.share - 0.1, "\(penalized), \(ignored)")
    #expect(penalized.repeats == 0 && ignored.repeats == 0)
  }

  /// With `failed_trials` = ignore, and without a model, vanished points are merely not tried again.
  @Test(arguments: ["hyperband", "asha"], ["failed_trials", "sampler"])
  func vanishedPointsAreNotTriedAgain(_ algorithm: String, _ setting: String) throws {
    let value = setting == "sampler" ? "random" : "ignore"
    let region = DeadRegion(
      algorithm: algorithm, settings: [SettingText(name: setting, value: value)],
      ends: .metricsUnavailable)
    #expect(try region.account(parallel: 3).repeats == 0)
  }

  /// A small space is used up before anything comes twice.
  @Test func configurationsAreDistinctWhileTheSpaceAllows() throws {
    let experiment = Experiment(
      name: "base", objective: Objective(metricName: "loss"), algorithmName: "hyperband",
      algorithmSettings: .of(["r_l": "1", "resource_name": "epochs", "random_state": "1"]),
      parameterSpecs: ExampleSpaces.sixty + [.int("epochs", "1", "1")])
    var controller = SimulatedController(experiment, parallel: 4, seed: 1) {
      NumberText.parse($0["i"]) ?? 0
    }
    try controller.run(maximum: 70)
    let values = controller.trials.map { $0.configuration(without: "epochs") }
    #expect(Set(values.prefix(60)).count == 60)
    #expect(controller.violations.isEmpty)
  }
}
