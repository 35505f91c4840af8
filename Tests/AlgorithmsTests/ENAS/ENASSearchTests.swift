// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct ENASSearchTests {
  static func experiment(
    _ settings: KeyValuePairs<String, String> = [:],
    network: NeuralArchitecture = ExampleNetworks.small
  ) -> Experiment {
    Experiment(
      name: "enas", objective: Objective(direction: .maximize, metricName: "accuracy"),
      algorithmName: "enas", algorithmSettings: .of(settings), neuralArchitecture: network)
  }

  static let space = ArchitectureSpace(layers: 4, operations: 5)

  static func trials(_ count: Int, seed: UInt64 = 1) -> [TrialFixture] {
    var random = RandomSource(seed: seed, purpose: "enas trials")
    return (0..<count).map { i in
      let architecture = space.random(skipRate: 0.5, using: &random)
      let value = Double(architecture.operations[0]) + (architecture.skips[2] ? 1 : 0)
      return TrialFixture(
        "enas-\(i)", .succeeded, [Assignment(name: "architecture", value: architecture.text)],
        objective: "\(value)", metricName: "accuracy", startTime: Int64(i),
        completionTime: Int64(i + 3))
    }
  }

  static func architectures(_ reply: SuggestionReply) -> [String] {
    reply.suggestions.map { $0.assignments[0].value }
  }

  /// Each of Katib's settings has its effect; the one about the log has none.
  @Test(arguments: [
    ("controller_hidden_size", "16"), ("controller_temperature", "1"),
    ("controller_temperature", "None"), ("controller_tanh_const", "1"),
    ("controller_tanh_const", "None"), ("controller_entropy_weight", "1"),
    ("controller_baseline_decay", "0.5"), ("controller_learning_rate", "0.0005"),
    ("controller_skip_target", "0.9"), ("controller_skip_weight", "None"),
    ("controller_skip_weight", "5"), ("controller_train_steps", "5"),
  ])
  func settingsHaveEffects(_ name: String, _ value: String) throws {
    let trials = ENASSearchTests.trials(40)
    let changed = ENASSearchTests.experiment([name: value])
    #expect(changed.refusal() == nil)
    let plain = try ENASSearchTests.experiment().ask(30, after: trials)
    #expect(
      try ENASSearchTests.architectures(changed.ask(30, after: trials))
        != ENASSearchTests.architectures(plain))
  }

  @Test func loggingHasNone() throws {
    let trials = ENASSearchTests.trials(40)
    let plain = try ENASSearchTests.experiment().ask(10, after: trials)
    let logged = ENASSearchTests.experiment(["controller_log_every_steps": "1"])
    #expect(logged.refusal() == nil)
    #expect(try logged.ask(10, after: trials).suggestions == plain.suggestions)
  }

  /// The defaults may be written down.
  @Test func defaultsAreKatibs() throws {
    let trials = ENASSearchTests.trials(40)
    let spelled = ENASSearchTests.experiment([
      "controller_hidden_size": "64", "controller_temperature": "5.",
      "controller_tanh_const": "2.25", "controller_entropy_weight": "1e-5",
      "controller_baseline_decay": "0.999", "controller_learning_rate": "5e-5",
      "controller_skip_target": "0.4", "controller_skip_weight": "0.8",
      "controller_train_steps": "50", "controller_log_every_steps": "10",
    ])
    #expect(spelled.refusal() == nil)
    let plain = try ENASSearchTests.experiment().ask(10, after: trials)
    #expect(try spelled.ask(10, after: trials).suggestions == plain.suggestions)
  }

  @Test(arguments: [
    ("controller_hidden_size", ["0", "-1", "1.5", "None", ""]),
    ("controller_temperature", ["0", "-1", "none", "inf"]),
    ("controller_tanh_const", ["0", "-2.25", "x"]),
    ("controller_entropy_weight", ["0", "-1e-5"]),
    ("controller_baseline_decay", ["0", "1.001", "None"]),
    ("controller_learning_rate", ["0", "2", "None"]),
    ("controller_skip_target", ["0", "1.5", "None"]),
    ("controller_skip_weight", ["0", "-1"]), ("controller_train_steps", ["0", "None", "2.0"]),
    ("controller_log_every_steps", ["0", "x"]), ("controller", ["1"]), ("initial_points", ["[]"]),
  ])
  func settingsAreChecked(_ name: String, _ values: [String]) {
    for value in values {
      let message = ENASSearchTests.experiment([name: value]).refusal() ?? "accepted"
      #expect(message.contains(name), "\(value): \(message)")
    }
  }

  @Test func largeControllersAreCut() throws {
    let trials = ENASSearchTests.trials(12)
    let huge = try ENASSearchTests.experiment(["controller_hidden_size": "100000"])
      .ask(2, after: trials)
    #expect(huge.notices == ["controller_hidden_size 100000 is taken for 128"])
    let largest = try ENASSearchTests.experiment(["controller_hidden_size": "128"])
      .ask(2, after: trials)
    #expect(huge.suggestions == largest.suggestions)
    #expect(largest.notices.isEmpty)
  }

  /// No valid number makes the controller's weights no numbers, and where one is cut, the log says
  /// so.
  @Test(
    arguments: [
      (
        ["controller_entropy_weight": "1e300"],
        ["controller_entropy_weight 1e+300 is taken for 1000000.0"]
      ),
      (["controller_skip_weight": "1e39"], ["controller_skip_weight 1e+39 is taken for 1000000.0"]),
      (["controller_tanh_const": "1e300"], ["controller_tanh_const 1e+300 is taken for 100.0"]),
      (["controller_temperature": "1e-50"], ["controller_temperature 1e-50 is taken for 0.01"]),
      (["controller_temperature": "1e50"], ["controller_temperature 1e+50 is taken for 1000000.0"]),
      (
        ["controller_temperature": "1e-50", "controller_tanh_const": "None"],
        ["controller_temperature 1e-50 is taken for 0.01"]
      ),
      (
        [
          "controller_temperature": "1e-50", "controller_tanh_const": "1e-300",
          "controller_entropy_weight": "1e-300", "controller_skip_weight": "1e-300",
          "controller_baseline_decay": "1e-300", "controller_learning_rate": "1e-300",
          "controller_skip_target": "1e-300",
        ], ["controller_temperature 1e-50 is taken for 0.01"]
      ),
      (
        [
          "controller_learning_rate": "1", "controller_train_steps": "9223372036854775807",
          "controller_skip_target": "1", "controller_baseline_decay": "1",
        ], []
      ),
    ] as [(KeyValuePairs<String, String>, [String])])
  func extremeSettingsDoNoHarm(_ settings: KeyValuePairs<String, String>, _ notices: [String])
    throws
  {
    let trials = ENASSearchTests.trials(40)
    let experiment = ENASSearchTests.experiment(settings)
    #expect(experiment.refusal() == nil)
    let reply = try experiment.ask(40, after: trials)
    #expect(reply.notices == notices)
    #expect(Set(ENASSearchTests.architectures(reply)).count == 40)

    let problem = try Problem(experiment, registry: .standard, strictness: .validation)
    let history = trials.enumerated().compactMap { i, trial in
      Architecture(trial.assignments[0].value, in: ENASSearchTests.space)
        .map { (architecture: $0, reward: Double(trial.metrics[0].value)) }
    }
    let controller = ENASSettings.training(problem.settings).0.trained(
      ENASSearchTests.space, history, seed: 1, checkCancellation: {})
    #expect(VectorKernels.isFinite(controller.weights, controller.shape.weightCount))
  }

  /// Trials that cannot be understood do not exist, whatever they say.
  @Test func foreignTrialsChangeNothing() throws {
    let experiment = ENASSearchTests.experiment()
    let trials = ENASSearchTests.trials(30)
    let reply = try experiment.ask(6, after: trials, position: 40)
    let texts = [
      "", "[]", "[[0], [1, 1]]", "[[0], [1, 1], [2, 0, 1], [5, 0, 0, 0]]", "null", "é\u{0}",
      "[[0], [1, 1], [2, 0, 1], [4, 0, 0, 2]]", String(repeating: "[", count: 100_000),
    ]
    var foreign = texts.enumerated().map { i, text in
      TrialFixture(
        "foreign-\(i)", .succeeded, [Assignment(name: "architecture", value: text)],
        objective: "99", metricName: "accuracy", completionTime: Int64(i))
    }
    foreign.append(TrialFixture("bare", .succeeded, [], objective: "99", metricName: "accuracy"))
    #expect(
      try experiment.ask(6, after: foreign + trials, position: 40).suggestions
        == reply.suggestions)
    // Alone they are nothing to learn from, and nothing to stumble over.
    #expect(
      try experiment.ask(6, after: foreign, position: 40).suggestions
        == experiment.ask(6, position: 40).suggestions)
  }

  /// Whatever became of an architecture, it is not tried again; nor is one of the same reply.
  @Test(arguments: TrialCondition.allCases) func nothingIsTriedTwice(_ condition: TrialCondition)
    throws
  {
    let network = NeuralArchitecture(
      layerCount: 3, inputSizes: [8], outputSizes: [2],
      operations: [
        NeuralArchitecture.Operation(type: "c", parameters: [.categorical("f", ["1", "2"])])
      ])
    let experiment = ENASSearchTests.experiment(
      ["controller_hidden_size": "4"], network: network)
    let all = try experiment.ask(64)
    #expect(Set(ENASSearchTests.architectures(all)).count == 64)
    let trials = all.suggestions.prefix(40).enumerated().map { i, suggestion in
      // Blanks do not make another architecture.
      var assignments = suggestion.assignments
      assignments[0].value = assignments[0].value.filter { $0 != " " }
      let trial = TrialFixture(
        "t\(i)", i < 20 ? .succeeded : condition, assignments, objective: "\(i % 7)",
        metricName: "accuracy")
      return trial
    }
    let rest = ENASSearchTests.architectures(try experiment.ask(30, after: Array(trials)))
    #expect(
      Set(rest.prefix(24)) == Set(ENASSearchTests.architectures(all).suffix(24)),
      "\(condition)")
    #expect(rest.count == 30)
  }

  /// What failed is avoided with `penalize` and taught nothing with `ignore`.
  @Test func failuresTeachUnlessIgnored() throws {
    var trials = ENASSearchTests.trials(40)
    for i in trials.indices where i % 4 == 0 {
      trials[i].conditionNumber = TrialCondition.failed.rawValue
      trials[i].metrics = []
    }
    let penalized = try ENASSearchTests.experiment().ask(20, after: trials)
    let ignored = try ENASSearchTests.experiment(["failed_trials": "ignore"])
      .ask(20, after: trials)
    #expect(
      ENASSearchTests.architectures(penalized) != ENASSearchTests.architectures(ignored))
    // Ignored, a failure is like a killed trial.
    for i in trials.indices where i % 4 == 0 {
      trials[i].conditionNumber = TrialCondition.killed.rawValue
    }
    #expect(
      try ENASSearchTests.experiment().ask(20, after: trials).suggestions == ignored.suggestions)
  }

  /// Parameters have no place beside a network: Katib itself refuses both.
  @Test func parametersArePassedOver() throws {
    var experiment = ENASSearchTests.experiment()
    let plain = try experiment.ask(3).suggestions
    experiment.parameterSpecs = ExampleSpaces.sixty
    #expect(try experiment.ask(3).suggestions == plain)
  }

  @Test func deepAndWideNetworksAreAnswered() throws {
    for (layers, values) in [(256, 1), (1, 2048), (60, 2048)] {
      let network = NeuralArchitecture(
        layerCount: layers, inputSizes: [8], outputSizes: [2],
        operations: [
          NeuralArchitecture.Operation(type: "c", parameters: [.int("f", "1", "\(values)")])
        ])
      let experiment = ENASSearchTests.experiment(network: network)
      #expect(experiment.refusal() == nil)
      let first = try experiment.ask(12).suggestions
      let trials = first.enumerated().map { i, suggestion in
        TrialFixture(
          "t\(i)", .succeeded, suggestion.assignments, objective: "\(i)", metricName: "accuracy")
      }
      let reply = try experiment.ask(4, after: trials)
      #expect(reply.suggestions.count == 4)
      for suggestion in reply.suggestions {
        let rows = SyntheticNetworkTask.network(suggestion.assignments[0].value)
        #expect(rows.map(\.count) == Array(1...layers))
      }
    }
  }
}
