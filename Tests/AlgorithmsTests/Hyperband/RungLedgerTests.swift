// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

/// Histories that somebody else began.
@Suite struct RungLedgerTests {
  typealias Trial = SimulatedController.Trial

  static func loss(_ trial: Trial) -> Double { NumberText.parse(trial["rate"]) ?? 1 }

  static func experiment(
    largest: String, eta: String, settings: [SettingText] = []
  ) -> Experiment {
    Experiment(
      name: "rungs", objective: Objective(metricName: "loss"), algorithmName: "hyperband",
      algorithmSettings: .of([
        "r_l": largest, "eta": eta, "resource_name": "epochs", "sampler": "random",
        "random_state": "1",
      ]) + settings,
      parameterSpecs: [
        .double("rate", "0", "1"), .int("units", "1", "8"),
        .double("momentum", "0.1", "0.9", step: "0.1"), .int("epochs", "1", "1"),
        .categorical("optimizer", ["sgd", "adam"]),
      ])
  }

  /// A trial as Katib's image issues it: a random name, and numbers as Python writes them.
  static func upstream(
    _ i: Int, epochs: Int, condition: TrialCondition = .succeeded, at second: Int = 0
  ) -> Trial {
    let rate = "0.\(i + 10)"
    let suffix = String((RandomSource.mix(UInt64(1_000 + 100 * i + epochs)) >> 20), radix: 36)
      .suffix(8)
    return Trial(
      name: "rungs-\(suffix)",
      assignments: .of([
        "rate": rate, "units": "\(i % 8 + 1)",
        "momentum": i % 2 == 0 ? "0.30000000000000004" : "0.5",
        "epochs": "\(epochs)", "optimizer": i % 3 == 0 ? "sgd" : "adam",
      ]), created: second, due: second, condition: condition, completed: second,
      objective: condition == .succeeded ? rate : nil)
  }

  /// What Katib's image left in the Suggestion's status.
  static let left: [SettingText] = .of([
    "eta": "3.0", "s_max": "2", "r_l": "9.0", "b_l": "27.0", "r": "1", "n": "9",
    "current_s": "2", "current_i": "0", "resource_name": "epochs", "evaluating_trials": "9",
  ])

  /// Nine on one epoch are over, which is where that image mostly gets stuck: three go on, idle
  /// workers take the next bracket's, and the round ends as the theory says.
  @Test(arguments: [1, 3, 9, 30]) func anExperimentOfKatibsImageGoesOn(_ parallel: Int) throws {
    var controller = SimulatedController(
      RungLedgerTests.experiment(largest: "9", eta: "3", settings: RungLedgerTests.left),
      parallel: parallel, seed: 1, objective: RungLedgerTests.loss)
    controller.trials = (0..<9).map { RungLedgerTests.upstream(8 - $0, epochs: 1) }
    var next = controller
    try next.ask(9)
    let promoted = next.trials[9..<12]
    #expect(promoted.map { $0["rate"] } == ["0.10", "0.11", "0.12"].map(RungLedgerTests.short))
    #expect(promoted.map { $0["units"] } == ["1", "2", "3"])
    #expect(promoted.map { $0["momentum"] } == ["0.3", "0.5", "0.3"])
    #expect(promoted.map { $0["optimizer"] } == ["sgd", "adam", "adam"])
    #expect(promoted.allSatisfy { $0["epochs"] == "3" })
    #expect(next.trials[12..<17].allSatisfy { $0["epochs"] == "3" })
    #expect(next.trials[17]["epochs"] == "9")
    try controller.run(maximum: 60 + 8 * parallel)
    #expect(controller.violations.isEmpty, "\(controller.violations)")
    let known = (10..<19).map { RungLedgerTests.short("0.\($0)") }
    let theirs = controller.trials.filter { known.contains(RungLedgerTests.short($0["rate"])) }
    let counts = Dictionary(grouping: theirs, by: { $0["epochs"] }).mapValues(\.count)
    #expect(counts == ["1": 9, "3": 3, "9": 1])
    #expect(theirs.last?["rate"] == "0.1")
  }

  /// As this server writes the number.
  private static func short(_ text: String) -> String {
    NumberText.parse(text).map(NumberText.text) ?? text
  }

  /// A rung in which something still runs or has failed does not stop anybody.
  @Test func anUnfinishedRungOfKatibsImageIsNoObstacle() throws {
    for condition: TrialCondition in [.running, .created, .failed, .killed] {
      var controller = SimulatedController(
        RungLedgerTests.experiment(largest: "9", eta: "3", settings: RungLedgerTests.left),
        parallel: 3, seed: 1, objective: RungLedgerTests.loss)
      controller.trials = (0..<9).map {
        RungLedgerTests.upstream($0, epochs: 1, condition: $0 == 0 ? condition : .succeeded)
      }
      try controller.ask(3)
      let epochs = controller.trials.suffix(3).map { $0["epochs"] }
      #expect(epochs == ["3", "3", "3"])
      let rates = controller.trials.suffix(3).map { $0["rate"] }
      let isOver = condition == .failed || condition == .killed
      #expect((rates == ["0.11", "0.12", "0.13"]) == isOver, "\(condition): \(rates)")
    }
  }

  private static func ledger(
    _ experiment: Experiment, _ trials: [Trial], position: Int? = nil
  ) throws -> RungLedger {
    let problem = try Problem(experiment, registry: .standard, strictness: .suggestion)
    let fixtures = trials.map {
      TrialFixture(
        $0.name, $0.condition, $0.assignments, objective: $0.objective,
        startTime: Int64($0.created))
    }
    let request = SuggestionRequest(
      problem: problem, history: .of(fixtures, space: problem.space), count: 1,
      position: position ?? trials.count, seed: 1, namespace: "default", alreadyInReply: [],
      checkCancellation: {})
    let resource = problem.space.index(of: "epochs")
    let schedule = HyperbandSchedule(
      largest: NumberText.parse(experiment.algorithmSettings[0].value) ?? 1,
      eta: NumberText.parse(experiment.algorithmSettings[1].value) ?? 3, isWhole: true)
    return RungLedger(request, schedule, resource: resource)
  }

  /// Katib's image rounds down rung by rung: R = 15 and eta = 2 give 1, 2, 4, 8 there and 2, 4, 8,
  /// 15 here.
  @Test(arguments: [
    ("15", "2", [1, 2, 4, 8], [0, 1, 2, 3]), ("15", "2", [3, 6, 12], [1, 2, 3]),
    ("15", "2", [7, 14], [2, 3]), ("10", "3", [1, 3, 9], [0, 1, 2]), ("10", "3", [3, 9], [1, 2]),
    ("100", "3", [1, 3, 9, 27, 81], [0, 1, 2, 3, 4]), ("9", "3", [9, 40], [2, 2]),
    ("9", "3", [1, 1, 3], [0, 0, 1]), ("9", "3", [-4, 0, 1], [0, 1, 2]),
  ])
  func resourcesOfKatibsImageAreTold(
    _ largest: String, _ eta: String, _ resources: [Int], _ levels: [Int]
  ) throws {
    let trials = resources.enumerated().map { i, epochs in
      var trial = RungLedgerTests.upstream(0, epochs: epochs, at: i)
      trial.name += "\(i)"
      return trial
    }
    let ledger = try RungLedgerTests.ledger(
      RungLedgerTests.experiment(largest: largest, eta: eta), trials)
    #expect(ledger.configurations.count == 1)
    #expect(ledger.levels == levels)
  }

  /// Once names account for every trial that the position counts, trials that somebody else named
  /// belong to somebody else: a same-named Experiment in another namespace.
  @Test func trialsOfOthersAreLeftAlone() throws {
    let experiment = RungLedgerTests.experiment(largest: "9", eta: "3")
    let others = (0..<9).map { RungLedgerTests.upstream($0, epochs: 1) }
    #expect(try RungLedgerTests.ledger(experiment, others).configurations.count == 9)
    #expect(try RungLedgerTests.ledger(experiment, others, position: 0).configurations.isEmpty)
    var controller = SimulatedController(
      experiment, parallel: 3, seed: 1, objective: { _ in 1 })
    try controller.ask(3)
    let mixed = controller.trials + others
    let ledger = try RungLedgerTests.ledger(experiment, mixed, position: 3)
    #expect(ledger.configurations.map(\.number) == [0, 1, 2])
    // One that the names do not account for: the oldest stranger may be it.
    #expect(try RungLedgerTests.ledger(experiment, mixed, position: 4).configurations.count == 4)
  }

  /// A seed that got lost makes strangers of our own trials; their values still tell.
  @Test func aLostSeedIsNoCatastrophe() throws {
    var example = RungExample(largest: 9, eta: 3)
    example.settings.append(SettingText(name: "random_state", value: "1"))
    for seed: UInt64 in 0..<3 {
      var controller = example.controller(parallel: 3, seed: seed)
      try controller.run(maximum: 14)
      controller.experiment.algorithmSettings = example.experiment.algorithmSettings
      controller.experiment.algorithmSettings.removeLast()
      controller.experiment.algorithmSettings.append(
        SettingText(name: "random_state", value: "2"))
      try controller.run(maximum: 60) { HyperbandTests.isRoundOver(example, $0.trials) }
      #expect(controller.violations.isEmpty)
      let found = example.brackets(controller.trials)
      for (bracket, populations) in [[9, 3, 1], [5, 1], [3]].enumerated() {
        let rungs = (found[bracket] ?? [:]).sorted { $0.key < $1.key }.map(\.value.count)
        #expect(rungs == populations, "seed \(seed), bracket \(bracket)")
      }
    }
  }

  /// Two trials on one rung: the one that finished counts, and promotions copy its values.
  @Test func ofTwoTrialsOnOneRungTheFinishedCounts() throws {
    let experiment = RungLedgerTests.experiment(largest: "9", eta: "3")
    let naming = TrialNaming(experiment: "rungs", namespace: "default", seed: 1)
    func trial(_ index: Int, _ like: Int, _ condition: TrialCondition) -> Trial {
      var trial = RungLedgerTests.upstream(like, epochs: 1, condition: condition, at: index)
      trial.name = naming.name(index: index, detail: RungTag(number: 7, level: 0).detail)
      return trial
    }
    for trials in [
      [trial(1, 0, .failed), trial(2, 3, .succeeded), trial(3, 5, .running)],
      [trial(1, 0, .running), trial(2, 3, .succeeded), trial(3, 5, .succeeded)],
      [trial(3, 5, .succeeded), trial(1, 0, .killed), trial(2, 3, .succeeded)],
    ] {
      let ledger = try RungLedgerTests.ledger(experiment, trials)
      #expect(ledger.configurations.count == 1)
      #expect(ledger.configurations[0].outcome(at: 0) == .finished(0.13))
      let source = try #require(ledger.configurations[0].source)
      // Canonical order is by start time, which is the index here.
      #expect(source == 1)
    }
  }
}
