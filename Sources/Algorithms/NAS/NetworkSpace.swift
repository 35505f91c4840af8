// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// What `enas` searches: the shape of the search, the meaning of each operation id, and the texts
/// in which a trial is told of a network.
///
/// An operation id counts, kind by kind in the order given, every combination of the kind's
/// parameter values, the first parameter slowest: ids are how trials and Katib's own image speak
/// of operations, so they must never depend on anything else.
struct NetworkSpace: Sendable {
  let shape: ArchitectureSpace
  private let inputSizes: [Int]
  private let outputSizes: [Int]
  private let kinds: [OperationKind]
  /// The first id of each kind.
  private let firstIDs: [Int]

  /// - Throws: `InvalidExperiment` for what makes a search impossible.
  init(_ architecture: NeuralArchitecture?) throws(InvalidExperiment) {
    let architecture = architecture ?? NeuralArchitecture()
    let layers = architecture.layerCount
    guard (1...AlgorithmLimits.layers).contains(layers) else {
      throw InvalidExperiment(
        "nas_config.graph_config.num_layers is \(layers), it must lie between 1 and "
          + "\(AlgorithmLimits.layers)")
    }
    kinds = try architecture.operationKinds()
    var firstIDs: [Int] = []
    var count = 0
    for kind in kinds {
      firstIDs.append(count)
      guard let combinations = kind.combinations,
        combinations <= AlgorithmLimits.operations - count
      else {
        throw InvalidExperiment(
          "the parameter values of the operations have more than \(AlgorithmLimits.operations) "
            + "combinations, counted up to operation \(Quoted.text(kind.type)); each is an "
            + "operation of its own, so there must be fewer values")
      }
      count += combinations
    }
    self.firstIDs = firstIDs
    shape = ArchitectureSpace(layers: layers, operations: count)
    inputSizes = architecture.inputSizes
    outputSizes = architecture.outputSizes
  }

  /// The two texts of a suggestion.
  func assignments(_ architecture: Architecture) -> [Assignment] {
    [
      Assignment(name: NetworkSpace.architectureName, value: architecture.text),
      Assignment(name: "nn_config", value: configuration(architecture)),
    ]
  }

  static let architectureName = "architecture"

  /// Sizes, and the meaning of the operations used, in the order of their first layers.
  private func configuration(_ architecture: Architecture) -> String {
    var used: Set<Int32> = []
    let ids = architecture.operations.filter { used.insert($0).inserted }
    return PythonJSON.object([
      ("num_layers", "\(shape.layers)"),
      ("input_sizes", PythonJSON.array(inputSizes.map { "\($0)" })),
      ("output_sizes", PythonJSON.array(outputSizes.map { "\($0)" })),
      ("embedding", PythonJSON.object(ids.map { ("\($0)", operation(Int($0))) })),
    ])
  }

  private func operation(_ id: Int) -> String {
    // The last kind that begins at or before the id; there are no empty kinds.
    let place = (firstIDs.firstIndex { $0 > id } ?? firstIDs.count) - 1
    let kind = kinds[place]
    let values = zip(kind.parameters, kind.valueIndices(combination: id - firstIDs[place]))
    return PythonJSON.object([
      ("opt_id", "\(id)"),
      ("opt_type", PythonJSON.string(kind.type)),
      ("opt_params", PythonJSON.object(values.map { ($0.name, $0.json($1)) })),
    ])
  }

  /// The most bytes that one suggestion can take on the wire.
  var largestSuggestionBytes: Int {
    let id = String(shape.operations).utf8.count
    let architecture = shape.layers * (id + 4) + 3 * shape.skips
    // As many different operations as there are layers, the longest first.
    var operations = 0
    var layers = shape.layers
    for (longest, count) in kinds.map({ ($0.longestJSON(id), $0.combinations ?? .max) })
      .sorted(by: { $0.0 > $1.0 }) where layers > 0
    {
      operations += min(count, layers) * longest
      layers -= min(count, layers)
    }
    let sizes = 13 * (inputSizes.count + outputSizes.count)
    // The names, keys and tags around them.
    return 140 + architecture + sizes + operations
  }
}

extension OperationKind {
  /// The bytes of the longest entry of this kind in the embedding, with ids of so many digits.
  fileprivate func longestJSON(_ idDigits: Int) -> Int {
    // '': {'opt_id': , 'opt_type': , 'opt_params': {}}, and for each parameter a colon and a comma.
    parameters.reduce(52 + 2 * idDigits + PythonJSON.string(type).utf8.count) {
      $0 + PythonJSON.string($1.name).utf8.count + $1.longestJSON + 4
    }
  }
}

extension NeuralArchitecture {
  /// What a trial of `enas` cannot do without, although a suggestion could be made.
  func checkSizes() throws(InvalidExperiment) {
    for (name, sizes) in [("input_sizes", inputSizes), ("output_sizes", outputSizes)] {
      let example = name == "input_sizes" ? "32, 32, 3" : "10"
      guard !sizes.isEmpty else {
        throw InvalidExperiment(
          "nas_config.graph_config.\(name) is empty, it must hold at least one number, for example "
            + example)
      }
      for (i, size) in sizes.enumerated() where size < 1 {
        throw InvalidExperiment(
          "nas_config.graph_config.\(name)[\(i)] is \(size), it must be at least 1: the sizes are "
            + "numbers of pixels, channels or classes, for example \(example)")
      }
    }
  }
}
