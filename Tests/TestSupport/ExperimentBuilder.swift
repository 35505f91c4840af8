// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel

/// Parameters in one line each.
extension ParameterSpec {
  public static func double(
    _ name: String, _ minimum: String, _ maximum: String, step: String = "",
    _ distribution: Distribution = .unspecified
  ) -> ParameterSpec {
    ParameterSpec(
      name: name, kind: .double,
      feasibleSpace: FeasibleSpace(
        minimum: minimum, maximum: maximum, step: step, distribution: distribution))
  }

  public static func int(
    _ name: String, _ minimum: String, _ maximum: String, step: String = "",
    _ distribution: Distribution = .unspecified
  ) -> ParameterSpec {
    ParameterSpec(
      name: name, kind: .int,
      feasibleSpace: FeasibleSpace(
        minimum: minimum, maximum: maximum, step: step, distribution: distribution))
  }

  public static func discrete(_ name: String, _ list: [String]) -> ParameterSpec {
    ParameterSpec(name: name, kind: .discrete, feasibleSpace: FeasibleSpace(list: list))
  }

  public static func categorical(_ name: String, _ list: [String]) -> ParameterSpec {
    ParameterSpec(name: name, kind: .categorical, feasibleSpace: FeasibleSpace(list: list))
  }
}

/// Settings as a dictionary would be written: `["random_state": "1"]`.
extension [SettingText] {
  public static func of(_ settings: KeyValuePairs<String, String>) -> [SettingText] {
    settings.map { SettingText(name: $0.key, value: $0.value) }
  }
}

/// Search spaces that have caught somebody out.
public enum ExampleSpaces {
  /// Every kind of parameter and every distribution; with `finite`, the doubles get steps.
  public static func mixed(finite: Bool) -> [ParameterSpec] {
    func step(_ text: String) -> String { finite ? text : "" }
    return [
      .double("rate", "0.0001", "0.1", step: step("0.0001"), .logUniform),
      .double("momentum", "0", "1", step: "0.1"),
      .int("layers", "1", "8"),
      .discrete("batch", ["64", "16", "256", "32"]),
      .categorical("optimizer", ["sgd", "adam", "ftrl"]),
      .double("dropout", "-1", "1", step: step("0.05"), .normal),
      .double("decay", "1e-6", "1e-2", step: step("1e-6"), .logNormal),
      .int("units", "16", "1024", step: "16", .logUniform),
    ]
  }

  /// 5 · 4 · 3 = 60 points.
  public static let sixty: [ParameterSpec] = [
    .int("i", "-2", "2"),
    .double("d", "0.1", "0.7", step: "0.2"),
    .categorical("c", ["x", "y", "z"]),
  ]

  /// Four points.
  public static let four: [ParameterSpec] = [.int("a", "0", "1"), .int("b", "0", "1")]

  /// Nothing to choose anywhere: one point.
  public static let constant: [ParameterSpec] = [
    .double("d", "0.5", "0.5", step: "0.1"), .int("i", "3", "3"), .int("j", "7", "7"),
    .discrete("l", ["8"]), .categorical("c", ["only"]),
  ]

  /// Constants among parameters with a choice.
  public static func partlyConstant(finite: Bool) -> [ParameterSpec] {
    [
      .double("fixed", "2", "2", finite ? .uniform : .logUniform).withStep(finite ? "1" : ""),
      .double("free", "0", "1").withStep(finite ? "0.01" : ""),
      .int("also_fixed", "5", "5"),
      .int("also_free", "0", "100"),
    ]
  }

  /// Constants of every ordered kind, so that a category alone is left to choose: an engine of
  /// numbers has none. (A step wider than its range makes a constant too.)
  public static let onlyACategory: [ParameterSpec] = [
    .double("d", "0.1", "0.1", step: "0.1"), .int("i", "3", "3"),
    .double("coarse", "0", "1", step: "2"), .categorical("c", ["x", "y", "z"]),
  ]

  /// Ranges whose width or whose logarithm doubles hardly resolve, lists whose span is no finite
  /// double, and more integers than a table would hold.
  public static func atTheLimits(finite: Bool) -> [ParameterSpec] {
    func step(_ text: String) -> String { finite ? text : "" }
    return [
      .double("narrow", "1e12", "1000000000000.0001", step: step("0.0001"), .logNormal),
      .double("tiny", "0", "5e-324", step: step("5e-324"), .normal),
      .int("large", "9007199254740990", "9007199254740992", .logNormal),
      .int("larger", "9007199254740990", "9007199254740992", .logUniform),
      .discrete("wide", ["-1e308", "0", "1e308"]),
      .discrete("magnitudes", ["1e-300", "1", "1e300"]),
      .discrete("subnormal", ["0", "5e-324"]),
      .int("many", "1", "9007199254740992", .logUniform),
      .double("plain", "0", "1", step: step("0.125")),
    ]
  }

  /// 200 parameters of all kinds.
  public static func wide(finite: Bool) -> [ParameterSpec] {
    (0..<200).map { i in
      switch i % 4 {
      case 0: .double("p\(i)", "0", "1").withStep(finite ? "0.125" : "")
      case 1: .int("p\(i)", "0", "\(i)")
      case 2: .discrete("p\(i)", ["0.5", "1", "2"])
      default: .categorical("p\(i)", ["a", "b", "c", "d"])
      }
    }
  }
}

extension ParameterSpec {
  /// The same parameter with another step.
  public func withStep(_ step: String) -> ParameterSpec {
    var other = self
    other.feasibleSpace?.step = step
    return other
  }
}

/// Networks to search.
public enum ExampleNetworks {
  /// Four layers of one of five operations: 5^4 · 2^6 = 40,000 architectures.
  public static let small = NeuralArchitecture(
    layerCount: 4, inputSizes: [32, 32, 3], outputSizes: [10],
    operations: [
      NeuralArchitecture.Operation(
        type: "convolution",
        parameters: [
          .categorical("filter_size", ["3", "5"]), .categorical("num_filter", ["32"]),
        ]),
      NeuralArchitecture.Operation(
        type: "reduction",
        parameters: [
          .categorical("reduction_type", ["max_pooling"]), .int("pool_size", "2", "3"),
        ]),
      NeuralArchitecture.Operation(
        type: "dropout", parameters: [.double("rate", "0.1", "0.1", step: "0.1")]),
    ])
}
