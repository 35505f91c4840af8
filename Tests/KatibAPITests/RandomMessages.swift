// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel

@testable import KatibAPI

/// Random but seeded experiments and trials, odd texts included.
struct RandomMessages {
  var random: SeededRandom

  init(seed: UInt64) { random = SeededRandom(seed) }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  mutating func text() -> String {
    let words = [
      "lr", "loss", "0.1", "-1e-3", "1", "unavailable", "ünïcödé", "日本語", "🧪", "a b", "\t", "",
      "x\u{0301}", String(repeating: "long ", count: 40),
    ]
    return words[int(0...words.count - 1)]
  }

  mutating func texts(_ most: Int) -> [String] { (0..<int(0...most)).map { _ in text() } }

  mutating func settings(_ most: Int) -> [SettingText] {
    (0..<int(0...most)).map { _ in SettingText(name: text(), value: text()) }
  }

  mutating func objective() -> Objective {
    Objective(
      direction: int(0...1) == 0 ? .minimize : .maximize, goal: Double(int(-8...8)) / 4,
      metricName: text(), additionalMetricNames: texts(3))
  }

  mutating func parameterSpec(_ name: String) -> ParameterSpec {
    let space = FeasibleSpace(
      minimum: text(), maximum: text(), step: text(), list: texts(4),
      distributionNumber: int(-1...6))
    return ParameterSpec(
      name: name, kindNumber: int(-2...6), feasibleSpace: int(0...4) == 0 ? nil : space)
  }

  mutating func parameterSpecs(_ most: Int) -> [ParameterSpec] {
    (0..<int(0...most)).map { parameterSpec("\(text())\($0)") }
  }

  mutating func experiment() -> Experiment {
    var experiment = Experiment(
      name: text(), objective: objective(), algorithmName: text(), algorithmSettings: settings(4),
      parameterSpecs: parameterSpecs(5), parallelTrialCount: int(-3...100),
      maxTrialCount: int(-3...1 << 31 - 1))
    if int(0...2) == 0 {
      experiment.neuralArchitecture = NeuralArchitecture(
        layerCount: int(0...12), inputSizes: (0..<int(0...3)).map { $0 * 1000 },
        outputSizes: (0..<int(0...3)).map { -$0 },
        operations: (0..<int(0...3)).map { _ in
          NeuralArchitecture.Operation(type: text(), parameters: parameterSpecs(2))
        })
    }
    return experiment
  }

  mutating func trial(_ name: String, assigning names: [String]) -> TrialMessage {
    TrialMessage(
      name: name, objective: int(0...2) == 0 ? objective() : nil,
      assignments: names.map { Assignment(name: $0, value: text()) }, labels: settings(2),
      startTime: int(0...3) == 0 ? "" : "2026-01-02T03:04:0\(int(0...9))Z",
      completionTime: int(0...1) == 0 ? "" : "2026-01-02T04:04:0\(int(0...9))+01:00",
      conditionNumber: int(-1...9), metrics: settings(3))
  }

  /// A request whose search space is sound, so that its history can be decoded.
  mutating func request() -> GetSuggestionsRequest {
    var experiment = experiment()
    experiment.parameterSpecs = (0..<int(0...6)).map { i in
      let name = "p\(i)"
      return switch i % 3 {
      case 0:
        ParameterSpec(
          name: name, kind: .double, feasibleSpace: FeasibleSpace(minimum: "0", maximum: "1"))
      case 1:
        ParameterSpec(
          name: name, kind: .categorical, feasibleSpace: FeasibleSpace(list: ["lr", "日本語", "1"]))
      default:
        ParameterSpec(
          name: name, kind: .int, feasibleSpace: FeasibleSpace(minimum: "-5", maximum: "5"))
      }
    }
    let names = experiment.parameterSpecs.map(\.name)
    return GetSuggestionsRequest(
      experiment: experiment,
      trials: (0..<int(0...12)).map { trial("t-\($0)", assigning: names + ["unknown"]) },
      currentRequestNumber: int(-1...5), totalRequestNumber: int(0...50))
  }
}

/// Whether two experiments say the same; the model itself needs no equality.
func expectedFields(_ experiment: Experiment) -> [String] {
  [
    experiment.name, "\(experiment.objective)", experiment.algorithmName,
    "\(experiment.algorithmSettings)", "\(experiment.parameterSpecs)",
    "\(experiment.parallelTrialCount)", "\(experiment.maxTrialCount)",
    "\(String(describing: experiment.neuralArchitecture))",
  ]
}
