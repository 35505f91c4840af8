// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Numerics

/// A task for architecture search with a known optimum: the accuracy of a network that nobody has
/// to train.
///
/// What it borrows from real networks: operations differ in general and more so at certain depths;
/// what suits a layer depends on the operation before it; short skips help more than long ones, some
/// hurt; an operation profits more or less from what skips bring it, and the more skips meet in a
/// layer the less each is worth. All effects are drawn from a seed.
///
/// The optimum is exact. Skips into a layer concern that layer's operation alone, and the best ones
/// for a given operation are the most valuable few; with those settled, operations form a chain,
/// which dynamic programming solves.
///
/// Values are in deviations of a random architecture, whose mean is 0; the optimum lies at about 4
/// to 6.
public struct SyntheticNetworkTask: Sendable {
  public let layers: Int
  public let operations: Int
  /// The best noise-free value there is.
  public private(set) var optimum = 0.0
  private let seed: UInt64
  private let noise: Double
  /// By layer and operation.
  private var quality: [[Double]] = []
  /// By the operation of a layer and that of the next.
  private var fit: [[Double]] = []
  /// By layer and earlier layer.
  private var skipValue: [[Double]] = []
  /// By operation: how much of its skips' value it can use.
  private var appetite: [Double] = []
  private var mean = 0.0
  private var deviation = 1.0

  /// What the square of the number of skips into a layer costs.
  private static let crowding = 0.05
  private static let samples = 2_000

  /// - Parameter noise: standard deviation of an observation.
  public init(layers: Int, operations: Int, seed: UInt64, noise: Double = 0.15) {
    self.layers = layers
    self.operations = operations
    self.seed = seed
    self.noise = noise
    var random = RandomSource(seed: seed, purpose: "synthetic network task")
    func normal() -> Double { Normal.quantile(random.uniformOpen()) }
    let general = (0..<operations).map { _ in normal() }
    let trend = (0..<operations).map { _ in normal() }
    for layer in 0..<layers {
      let depth = Double(layer) / Double(max(layers - 1, 1)) - 0.5
      quality.append(
        (0..<operations).map { general[$0] + trend[$0] * depth + 0.5 * normal() })
      skipValue.append(
        (0..<layer).map { 0.7 / Double(layer - $0) - 0.15 + 0.35 * normal() })
    }
    fit = (0..<operations).map { _ in (0..<operations).map { _ in 0.5 * normal() } }
    appetite = (0..<operations).map { _ in 0.3 + 0.7 * random.uniform() }

    let values = (0..<SyntheticNetworkTask.samples).map { _ in
      raw(
        (0..<layers).map { layer in
          [random.uniform(below: operations)] + (0..<layer).map { _ in random.uniform(below: 2) }
        })
    }
    mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (square / Double(values.count)).squareRoot()
    optimum = (best() - mean) / deviation
  }

  /// The noise-free value of a network as Katib spells it: for each layer its operation, then a 0
  /// or 1 for each earlier layer.
  public func value(_ network: [[Int]]) -> Double { (raw(network) - mean) / deviation }

  /// What trial number `trial` observes.
  public func observation(_ network: [[Int]], trial: Int) -> Double {
    var random = RandomSource(seed: seed, purpose: "synthetic noise", index: UInt64(trial))
    return value(network) + noise * Normal.quantile(random.uniformOpen())
  }

  private func raw(_ network: [[Int]]) -> Double {
    var value = 0.0
    for (layer, row) in network.enumerated() {
      value += quality[layer][row[0]]
      if layer > 0 { value += fit[network[layer - 1][0]][row[0]] }
      var sum = 0.0
      var count = 0.0
      for source in 0..<layer where row[1 + source] == 1 {
        sum += skipValue[layer][source]
        count += 1
      }
      value += appetite[row[0]] * sum - SyntheticNetworkTask.crowding * count * count
    }
    return value
  }

  private func best() -> Double {
    var reached = (0..<operations).map { quality[0][$0] }
    for layer in 1..<max(layers, 1) {
      reached = (0..<operations).map { operation in
        let before = (0..<operations).map { reached[$0] + fit[$0][operation] }.max() ?? 0
        return before + quality[layer][operation] + bestSkips(layer, operation)
      }
    }
    return reached.max() ?? 0
  }

  private func bestSkips(_ layer: Int, _ operation: Int) -> Double {
    var sum = 0.0
    var best = 0.0
    for (i, value) in skipValue[layer].sorted(by: >).enumerated() {
      sum += appetite[operation] * value
      best = max(best, sum - SyntheticNetworkTask.crowding * Double((i + 1) * (i + 1)))
    }
    return best
  }
}

extension SyntheticNetworkTask {
  /// The search space as an Experiment spells it.
  public var architecture: NeuralArchitecture {
    NeuralArchitecture(
      layerCount: layers, inputSizes: [32, 32, 3], outputSizes: [10],
      operations: [
        NeuralArchitecture.Operation(
          type: "convolution",
          parameters: [
            ParameterSpec(
              name: "filter_size", kind: .categorical,
              feasibleSpace: FeasibleSpace(list: (0..<operations).map { "\(2 * $0 + 1)" }))
          ])
      ])
  }

  /// The network of a suggestion's text, as a trial reads it.
  public static func network(_ text: String) -> [[Int]] {
    text.split(separator: "]").map { layer in
      layer.split { !$0.isNumber }.compactMap { Int($0) }
    }.filter { !$0.isEmpty }
  }

  /// How far from the optimum the network stays that a user would keep: the one with the best
  /// observation of the first `trials`.
  public func regret(_ networks: [[[Int]]], first trials: Int) -> Double {
    let kept = (0..<trials).max {
      observation(networks[$0], trial: $0) < observation(networks[$1], trial: $1)
    }
    return optimum - (kept.map { value(networks[$0]) } ?? -.infinity)
  }
}
