// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import TestSupport
import Testing

@testable import Algorithms

@Suite struct DARTSSearchTests {
  typealias Operation = NeuralArchitecture.Operation

  static let operations = [
    Operation(
      type: "separable_convolution", parameters: [.categorical("filter_size", ["3", "5"])]),
    Operation(type: "max_pooling", parameters: [.categorical("filter_size", ["3"])]),
    Operation(type: "skip_connection", parameters: []),
  ]

  static func experiment(
    _ settings: KeyValuePairs<String, String> = [:], operations: [Operation] = operations,
    layers: Int = 3
  ) -> Experiment {
    Experiment(
      name: "darts", objective: Objective(direction: .maximize, metricName: "Best-Genotype"),
      algorithmName: "darts", algorithmSettings: .of(settings),
      neuralArchitecture: NeuralArchitecture(layerCount: layers, operations: operations))
  }

  static func texts(_ experiment: Experiment) throws -> [String] {
    let assignments = try experiment.ask(1).suggestions[0].assignments
    #expect(assignments.map(\.name) == ["algorithm-settings", "search-space", "num-layers"])
    return assignments.map(\.value)
  }

  /// To the byte what Katib's own image writes.
  @Test func defaults() throws {
    let texts = try DARTSSearchTests.texts(DARTSSearchTests.experiment())
    #expect(
      texts == [
        "{'num_epochs': 50, 'w_lr': 0.025, 'w_lr_min': 0.001, 'w_momentum': 0.9, "
          + "'w_weight_decay': 0.0003, 'w_grad_clip': 5.0, 'alpha_lr': 0.0003, "
          + "'alpha_weight_decay': 0.001, 'batch_size': 128, 'num_workers': 4, "
          + "'init_channels': 16, 'print_step': 50, 'num_nodes': 4, 'stem_multiplier': 3}",
        "['separable_convolution_3x3', 'separable_convolution_5x5', 'max_pooling_3x3', "
          + "'skip_connection']",
        "3",
      ])
  }

  /// Given values are strings at their default's place, None is null, what nobody knows follows.
  @Test func givenSettings() throws {
    let texts = try DARTSSearchTests.texts(
      DARTSSearchTests.experiment([
        "num_epoch": "10", "w_lr": "3e-2", "batch_size": "None", "anything": "None",
        "note": "it's \"x\"", "num_epochs": "2", "num_epoch": "11", "random_state": "4",
        "failed_trials": "ignore", "initial_points": "[]",
      ]))
    #expect(
      texts[0] == "{'num_epochs': '2', 'w_lr': '3e-2', 'w_lr_min': 0.001, 'w_momentum': 0.9, "
        + "'w_weight_decay': 0.0003, 'w_grad_clip': 5.0, 'alpha_lr': 0.0003, "
        + "'alpha_weight_decay': 0.001, 'batch_size': null, 'num_workers': 4, "
        + "'init_channels': 16, 'print_step': 50, 'num_nodes': 4, 'stem_multiplier': 3, "
        + #"'num_epoch': '11', 'anything': null, 'note': 'it\u0027s \'x\''}"#)
  }

  /// What goes on to the trial is not reported as passed over.
  @Test func unknownSettingsAreNotPassedOver() throws {
    let experiment = DARTSSearchTests.experiment(["num_epoch": "10", "random_state": "1"])
    let problem = try Problem(experiment, registry: .standard, strictness: .validation)
    #expect(problem.unknownSettings.isEmpty)
  }

  @Test func skipConnectionHasNoSize() throws {
    let operations = [
      Operation(
        type: "skip_connection", parameters: [.categorical("filter_size", ["3", "5"])]),
      Operation(
        type: "conv", parameters: [.int("size", "1", "5", step: "2"), .int("n", "1", "9")]),
      Operation(type: "pool", parameters: [.discrete("size", ["3", "2"])]),
    ]
    let texts = try DARTSSearchTests.texts(DARTSSearchTests.experiment(operations: operations))
    #expect(
      texts[1] == "['skip_connection', 'conv_1x1', 'conv_3x3', 'conv_5x5', 'pool_3x3', 'pool_2x2']"
    )
  }

  /// Nothing that happened changes the task.
  @Test func allSuggestionsAreIdentical() throws {
    let experiment = DARTSSearchTests.experiment(["num_epochs": "5"])
    let first = try experiment.ask(1).suggestions[0]
    let trials = [
      TrialFixture("a", .succeeded, first.assignments, objective: "Genotype(normal=[])"),
      TrialFixture("b", .running, first.assignments), TrialFixture("c", .failed, []),
    ]
    for (count, trials) in [(10_000, []), (7, trials)] {
      let reply = try experiment.ask(count, after: trials)
      #expect(reply.suggestions.count == count)
      #expect(reply.suggestions.allSatisfy { $0 == first })
      #expect(reply.settings.isEmpty)
    }
  }

  @Test(arguments: [
    ("num_epochs", "1", "0"), ("w_lr", "0", "-0.1"), ("w_lr_min", "0.01", "-1e-9"),
    ("w_momentum", "0.9", "-0.8"), ("w_weight_decay", "0.25", "x"), ("w_grad_clip", "inf", "-5"),
    ("alpha_lr", "0.01", "nan"), ("alpha_weight_decay", "0", "-0.02"),
    ("batch_size", "None", "0"), ("batch_size", "100", "1.5"), ("num_workers", "0", "-1"),
    ("init_channels", "1", "0"), ("print_step", "100", "None"), ("num_nodes", "4", "four"),
    ("stem_multiplier", "3", "0"), ("w_lr", "1", "inf"),
  ])
  func settingsAreChecked(_ name: String, _ right: String, _ wrong: String) {
    #expect(DARTSSearchTests.experiment([name: right]).refusal() == nil)
    let message = DARTSSearchTests.experiment([name: wrong]).refusal() ?? "accepted"
    #expect(message.contains(name) && message.contains(wrong), "\(message)")
    #expect(message.contains("it must be a"), "\(message)")
  }

  @Test func networkIsChecked() throws {
    #expect(
      DARTSSearchTests.experiment(layers: 0).refusal()?.contains("num_layers is 0") == true)
    #expect(
      DARTSSearchTests.experiment(operations: []).refusal()?.contains("operations is empty") == true
    )
    let bare = DARTSSearchTests.experiment(operations: [Operation(type: "conv", parameters: [])])
    #expect(bare.refusal()?.contains("\"conv\"") == true)
    #expect(throws: InvalidExperiment.self) { try bare.ask(1) }
    let endless = [Operation(type: "conv", parameters: [.int("size", "0", "9007199254740000")])]
    let refusal = DARTSSearchTests.experiment(operations: endless).refusal()
    #expect(refusal?.contains("more than 2048") == true)
  }

  @Test func largestSuggestionIsAnUpperBound() throws {
    let experiment = DARTSSearchTests.experiment(["note": "été \u{1}\""])
    let problem = try Problem(experiment, registry: .standard, strictness: .validation)
    let bytes = try experiment.ask(1).suggestions[0].assignments.reduce(0) {
      $0 + $1.name.utf8.count + $1.value.utf8.count + 12
    }
    #expect(bytes <= problem.largestSuggestionBytes)
    #expect(2 * bytes > problem.largestSuggestionBytes)
  }
}
