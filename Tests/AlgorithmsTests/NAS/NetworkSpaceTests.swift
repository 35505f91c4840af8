// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import TestSupport
import Testing

@testable import Algorithms

@Suite struct NetworkSpaceTests {
  typealias Operation = NeuralArchitecture.Operation

  static func network(_ operations: [Operation], layers: Int = 1) -> NeuralArchitecture {
    NeuralArchitecture(
      layerCount: layers, inputSizes: [32, 32, 3], outputSizes: [10], operations: operations)
  }

  /// nn_config of a network of one layer with this operation.
  static func configuration(_ id: Int32, _ operations: [Operation]) throws -> String {
    let network = try NetworkSpace(network(operations))
    return network.assignments(Architecture(operations: [id], skips: []))[1].value
  }

  /// "é" in one piece and in two are two values, as everywhere else.
  @Test func valuesDifferWhereTheirBytesDo() throws {
    let texts = ["caf\u{e9}", "cafe\u{301}", "caf\u{e9}"]
    let operation = Operation(type: "o", parameters: [.categorical("p", texts)])
    let kinds = try NetworkSpaceTests.network([operation]).operationKinds()
    #expect(kinds.map { $0.parameters.map(\.count) } == [[2]])
  }

  static let many = [
    Operation(
      type: "convolution",
      parameters: [
        .categorical("filter_size", ["5", "3"]), .categorical("stride", ["1", "2", "4"]),
      ]),
    Operation(
      type: "reduction",
      parameters: [
        .categorical("reduction_type", ["max_pooling", "avg_pooling"]),
        .int("pool_size", "2", "6", step: "2"),
      ]),
    Operation(
      type: "dropout",
      parameters: [.double("rate", "0.1", "0.5", step: "0.2"), .discrete("n", ["8", "2.0"])]),
  ]

  /// Ids count every combination, operation by operation, the first parameter slowest.
  @Test(arguments: [
    (0, "convolution", "{'filter_size': '5', 'stride': '1'}"),
    (1, "convolution", "{'filter_size': '5', 'stride': '2'}"),
    (2, "convolution", "{'filter_size': '5', 'stride': '4'}"),
    (3, "convolution", "{'filter_size': '3', 'stride': '1'}"),
    (5, "convolution", "{'filter_size': '3', 'stride': '4'}"),
    (6, "reduction", "{'reduction_type': 'max_pooling', 'pool_size': 2}"),
    (8, "reduction", "{'reduction_type': 'max_pooling', 'pool_size': 6}"),
    (9, "reduction", "{'reduction_type': 'avg_pooling', 'pool_size': 2}"),
    (12, "dropout", "{'rate': 0.1, 'n': '8'}"), (13, "dropout", "{'rate': 0.1, 'n': '2.0'}"),
    (14, "dropout", "{'rate': 0.3, 'n': '8'}"), (17, "dropout", "{'rate': 0.5, 'n': '2.0'}"),
  ])
  func identifiersEnumerate(_ id: Int32, _ type: String, _ parameters: String) throws {
    let text = try NetworkSpaceTests.configuration(id, NetworkSpaceTests.many)
    #expect(
      text == "{'num_layers': 1, 'input_sizes': [32, 32, 3], 'output_sizes': [10], 'embedding': "
        + "{'\(id)': {'opt_id': \(id), 'opt_type': '\(type)', 'opt_params': \(parameters)}}}")
    #expect(
      try NetworkSpace(NetworkSpaceTests.network(NetworkSpaceTests.many)).shape.operations == 18)
  }

  /// The embedding has each operation once, in the order of the layers that use it first.
  @Test func embeddingHoldsWhatIsUsed() throws {
    let network = try NetworkSpace(
      NetworkSpaceTests.network(NetworkSpaceTests.many, layers: 4))
    let assignments = network.assignments(
      Architecture(
        operations: [7, 0, 7, 16], skips: [true, false, true, false, true, false]))
    #expect(assignments.map(\.name) == ["architecture", "nn_config"])
    #expect(assignments[0].value == "[[7], [0, 1], [7, 0, 1], [16, 0, 1, 0]]")
    #expect(
      assignments[1].value == "{'num_layers': 4, 'input_sizes': [32, 32, 3], "
        + "'output_sizes': [10], 'embedding': {"
        + "'7': {'opt_id': 7, 'opt_type': 'reduction', 'opt_params': "
        + "{'reduction_type': 'max_pooling', 'pool_size': 4}}, "
        + "'0': {'opt_id': 0, 'opt_type': 'convolution', 'opt_params': "
        + "{'filter_size': '5', 'stride': '1'}}, "
        + "'16': {'opt_id': 16, 'opt_type': 'dropout', 'opt_params': {'rate': 0.5, 'n': '8'}}}}")
  }

  /// Numbers go out as Python writes them, lists keep order and spelling, repeats are merged.
  @Test(arguments: [
    (ParameterSpec.int("p", "3", "3"), ["3"]), (.int("p", "-1", "1"), ["-1", "0", "1"]),
    (.int("p", "1", "6", step: "2"), ["1", "3", "5"]),
    (.double("p", "0.0003", "0.0009", step: "0.0003"), ["0.0003", "0.0006", "0.0009"]),
    (.double("p", "1", "2", step: "0.5"), ["1.0", "1.5", "2.0"]),
    (.double("p", "0.00001", "0.00002", step: "0.00001"), ["1e-05", "2e-05"]),
    (.double("p", "0.1", "0.35", step: "0.1"), ["0.1", "0.2", "0.3"]),
    (.double("p", "-1", "0", step: "1", .logUniform), ["-1.0", "0.0"]),
    (.categorical("p", ["b", "a", "b"]), ["'b'", "'a'"]),
    (.discrete("p", ["10", "2", "2.0"]), ["'10'", "'2'", "'2.0'"]),
  ])
  func valuesAreJSON(_ spec: ParameterSpec, _ values: [String]) throws {
    let parameter = try OperationParameter(spec)
    #expect((0..<parameter.count).map(parameter.json) == values)
    #expect(values.allSatisfy { $0.utf8.count <= parameter.longestJSON })
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var operations: [Operation]
    var words: [String]
    var testDescription: String { words.joined(separator: " ") }

    init(_ operations: [Operation], _ words: String...) {
      self.operations = operations
      self.words = words
    }

    /// A second operation with this parameter is the one that is wrong.
    init(_ spec: ParameterSpec, _ words: String...) {
      operations = [
        Operation(type: "fine", parameters: [.categorical("a", ["1"])]),
        Operation(type: "conv", parameters: [spec]),
      ]
      self.words = ["operation number 2 (\"conv\")"] + words
    }
  }

  static let refusals = [
    Refusal([], "nas_config.operations is empty"),
    Refusal([Operation(type: "", parameters: [.int("p", "1", "2")])], "number 1", "operation_type"),
    Refusal([Operation(type: "conv", parameters: [])], "number 1 (\"conv\")", "no parameters"),
    Refusal(.int("", "1", "2"), "parameter number 1", "empty name"),
    Refusal(
      ParameterSpec(name: "p", kindNumber: 0, feasibleSpace: FeasibleSpace(list: ["a"])),
      "\"p\"", "parameter_type is 0"),
    Refusal(
      ParameterSpec(name: "p", kindNumber: 7, feasibleSpace: FeasibleSpace(list: ["a"])),
      "\"p\"", "parameter_type is 7"),
    Refusal(
      ParameterSpec(name: "p", kind: .int, feasibleSpace: nil), "\"p\"", "feasible_space"),
    Refusal(.categorical("p", []), "\"p\"", "list is empty"),
    Refusal(.discrete("p", []), "\"p\"", "list is empty"),
    Refusal(.int("p", "", "2"), "\"p\"", "min is missing"),
    Refusal(.int("p", "1", ""), "\"p\"", "max is missing"),
    Refusal(.int("p", "1.5", "2"), "\"p\"", "min is \"1.5\""),
    Refusal(.int("p", "3", "2"), "\"p\"", "min \"3\" is greater than max \"2\""),
    Refusal(.int("p", "1", "2", step: "0"), "\"p\"", "step is \"0\""),
    Refusal(.double("p", "", "2", step: "1"), "\"p\"", "min is missing"),
    Refusal(.double("p", "1", "x", step: "1"), "\"p\"", "max is \"x\""),
    Refusal(.double("p", "1", "2"), "\"p\"", "step is missing"),
    Refusal(.double("p", "1", "1"), "\"p\"", "step is missing"),
    Refusal(.double("p", "1", "2", step: "-1"), "\"p\"", "step is \"-1\""),
    Refusal(.double("p", "1", "2", step: "big"), "\"p\"", "step is \"big\""),
    Refusal(
      [Operation(type: "c", parameters: [.int("p", "1", "2"), .int("p", "1", "3")])],
      "\"p\"", "used twice"),
    Refusal(
      [Operation(type: "c", parameters: [.int("p", "1", "2049")])], "more than 2048", "\"c\""),
    Refusal(
      [Operation(type: "c", parameters: [.int("p", "0", "99"), .int("q", "0", "99")])],
      "more than 2048"),
    Refusal(
      [
        Operation(
          type: "c",
          parameters: (0..<9).map { .int("p\($0)", "0", "9007199254740000") })
      ], "more than 2048"),
    Refusal(
      [
        Operation(type: "b", parameters: [.int("p", "1", "2000")]),
        Operation(type: "c", parameters: [.int("p", "1", "49")]),
      ], "more than 2048", "\"c\""),
  ]

  @Test(arguments: refusals) func whatIsWrongIsNamed(_ refusal: Refusal) {
    let experiment = Experiment(
      name: "nas", objective: Objective(metricName: "loss"), algorithmName: "enas",
      neuralArchitecture: NetworkSpaceTests.network(refusal.operations))
    let message = experiment.refusal() ?? "accepted"
    for word in refusal.words { #expect(message.contains(word), "\(message)") }
    #expect(throws: InvalidExperiment.self) { try experiment.ask(1) }
  }

  @Test func graphIsChecked() throws {
    func refusal(_ change: (inout NeuralArchitecture) -> Void) -> String {
      var network = ExampleNetworks.small
      change(&network)
      let experiment = Experiment(
        name: "nas", objective: Objective(metricName: "loss"), algorithmName: "enas",
        neuralArchitecture: network)
      return experiment.refusal() ?? "accepted"
    }
    #expect(refusal { _ in } == "accepted")
    #expect(refusal { $0.layerCount = 0 }.contains("num_layers is 0"))
    #expect(refusal { $0.layerCount = -3 }.contains("num_layers is -3"))
    #expect(refusal { $0.layerCount = 257 }.contains("num_layers is 257"))
    #expect(refusal { $0.inputSizes = [] }.contains("input_sizes is empty"))
    #expect(refusal { $0.outputSizes = [] }.contains("output_sizes is empty"))
    // A network of -1 pixels or 0 classes used to pass, and every trial to fail.
    #expect(refusal { $0.inputSizes = [32, -1, 3] }.contains("input_sizes[1] is -1"))
    #expect(refusal { $0.outputSizes = [0] }.contains("output_sizes[0] is 0, it must"))
    let bare = Experiment(
      name: "nas", objective: Objective(metricName: "loss"), algorithmName: "enas")
    #expect(bare.refusal()?.contains("num_layers is 0") == true)
    #expect(throws: InvalidExperiment.self) { try bare.ask(1) }
  }

  /// The estimate that guards memory is never too low.
  @Test func largestSuggestionIsAnUpperBound() throws {
    for layers in [1, 2, 7, 40] {
      let experiment = Experiment(
        name: "nas", objective: Objective(metricName: "loss"), algorithmName: "enas",
        neuralArchitecture: NetworkSpaceTests.network(NetworkSpaceTests.many, layers: layers))
      let problem = try Problem(experiment, registry: .standard, strictness: .validation)
      for suggestion in try experiment.ask(20).suggestions {
        let bytes = suggestion.assignments.reduce(0) {
          $0 + $1.name.utf8.count + $1.value.utf8.count + 12
        }
        #expect(bytes <= problem.largestSuggestionBytes, "\(layers) layers")
        #expect(2 * bytes + 100 > problem.largestSuggestionBytes, "\(layers) layers")
      }
    }
  }
}
