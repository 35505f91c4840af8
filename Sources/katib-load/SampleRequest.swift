// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import GRPC
internal import KatibAPI

/// A GetSuggestions request such as a controller sends, made from a few numbers.
///
/// Architecture searches (enas, darts) have a network in place of parameters.
struct SampleRequest {
  let algorithm: String
  let parameters: Int
  /// Layers and operations of the network.
  let layers: Int
  let operations: Int
  let history: Int
  let requestNumber: Int
  let settings: [String]

  /// Values that stand in each trial of such a request.
  static func valuesPerTrial(algorithm: String, parameters: Int, layers: Int) -> Int {
    switch algorithm {
    // A layer names its operation and each layer before it.
    case "enas": layers * (layers + 1) / 2
    case "darts": 0
    default: parameters
    }
  }

  func message() throws -> OutgoingMessage {
    let network = ["enas", "darts"].contains(algorithm) ? sampleNetwork : nil
    let specs = network == nil ? (0..<parameters).map(parameter) : []
    var settingTexts = settings.map { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return SettingText(name: String(parts[0]), value: String(parts[1]))
    }
    // With a seed the server returns no settings, as in every request of a run but the first.
    if !settingTexts.contains(where: { $0.name == "random_state" }) {
      settingTexts.append(SettingText(name: "random_state", value: "1"))
    }
    let objective = Objective(direction: .minimize, metricName: "loss")
    let request = GetSuggestionsRequest(
      experiment: Experiment(
        name: "load", objective: objective, algorithmName: algorithm,
        algorithmSettings: settingTexts, parameterSpecs: specs, parallelTrialCount: requestNumber,
        maxTrialCount: history + requestNumber, neuralArchitecture: network),
      trials: (0..<history).map { trial($0, specs, objective) },
      currentRequestNumber: requestNumber, totalRequestNumber: history + requestNumber)
    let bytes = try request.packed(using: ArenaPool())
    return OutgoingMessage(bytes)
  }

  /// One kind after another: double, logarithmic double, int, stepped double, categorical.
  private func parameter(_ i: Int) -> ParameterSpec {
    let name = "parameter\(i)"
    switch algorithm == "grid" ? 2 + i % 3 : i % 5 {
    case 0:
      return ParameterSpec(
        name: name, kind: .double, feasibleSpace: FeasibleSpace(minimum: "0.0", maximum: "1.0"))
    case 1:
      return ParameterSpec(
        name: name, kind: .double,
        feasibleSpace: FeasibleSpace(
          minimum: "0.00001", maximum: "0.1", distribution: .logUniform))
    case 2:
      return ParameterSpec(
        name: name, kind: .int, feasibleSpace: FeasibleSpace(minimum: "1", maximum: "256"))
    case 3:
      return ParameterSpec(
        name: name, kind: .double,
        feasibleSpace: FeasibleSpace(minimum: "0", maximum: "0.9", step: "0.05"))
    default:
      return ParameterSpec(
        name: name, kind: .categorical,
        feasibleSpace: FeasibleSpace(list: ["sgd", "adam", "ftrl", "lamb"]))
    }
  }

  /// Convolutions that differ in their filter size.
  private var sampleNetwork: NeuralArchitecture {
    let sizes = (0..<operations).map { String(2 * $0 + 1) }
    return NeuralArchitecture(
      layerCount: layers, inputSizes: [32, 32, 3], outputSizes: [10],
      operations: [
        NeuralArchitecture.Operation(
          type: "convolution",
          parameters: [
            ParameterSpec(
              name: "filter_size", kind: .categorical, feasibleSpace: FeasibleSpace(list: sizes))
          ])
      ])
  }

  /// What a trial of enas was given; the lower the ids, the lower its loss.
  private func architecture(
    _ fraction: () -> Double
  ) -> (assignments: [Assignment], loss: Double) {
    var loss = 0.0
    let rows = (0..<layers).map { layer in
      let operation = Int(fraction() * Double(operations))
      loss += Double(operation) / Double(layers * operations)
      return ([operation] + (0..<layer).map { _ in fraction() < 0.4 ? 1 : 0 }).map(String.init)
    }
    let text = rows.map { "[\($0.joined(separator: ", "))]" }.joined(separator: ", ")
    let meanings = Set(rows.map { $0[0] }).sorted().map { id in
      "'\(id)': {'opt_id': \(id), 'opt_type': 'convolution', "
        + "'opt_params': {'filter_size': '\(2 * (Int(id) ?? 0) + 1)'}}"
    }
    let config =
      "{'num_layers': \(layers), 'input_sizes': [32, 32, 3], 'output_sizes': [10], "
      + "'embedding': {\(meanings.joined(separator: ", "))}}"
    return (
      [
        Assignment(name: "architecture", value: "[\(text)]"),
        Assignment(name: "nn_config", value: config),
      ], loss
    )
  }

  /// A finished trial with pseudo-random but fixed values.
  private func trial(_ index: Int, _ specs: [ParameterSpec], _ objective: Objective) -> TrialMessage
  {
    var state = UInt64(index) &* 0x9e37_79b9_7f4a_7c15 &+ 1
    func fraction() -> Double {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-53
    }
    var loss = 0.0
    var assignments = specs.compactMap { spec -> Assignment? in
      guard let parameter = try? Parameter(spec) else { return nil }
      let u = fraction()
      loss += (u - 0.3) * (u - 0.3)
      return Assignment(
        name: spec.name, value: parameter.text(parameter.coordinate(unit: u)))
    }
    if algorithm == "enas" { (assignments, loss) = architecture(fraction) }
    let minute = String(100 + index / 60 % 60).suffix(2)
    let second = String(100 + index % 60).suffix(2)
    let hour = String(100 + index / 3_600 % 24).suffix(2)
    return TrialMessage(
      name: "load-\(String(10_000_000 + index).suffix(7))", objective: objective,
      assignments: assignments, startTime: "2026-01-02T\(hour):\(minute):\(second)Z",
      completionTime: "2026-01-03T\(hour):\(minute):\(second)Z",
      conditionNumber: TrialCondition.succeeded.rawValue,
      metrics: [SettingText(name: "loss", value: NumberText.text(loss))])
  }
}
