// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Foundation
import Numerics
import TestSupport

@testable import Algorithms

/// A synthetic task with learning curves: what a model reaches and how fast it gets there both
/// depend on the configuration, so that early ranks help and mislead.
///
/// loss(x, r) = a(x) + (1 - a(x)) (1 + 2 s(x) r)^-0.7 + noise, with the asymptote a a bowl around a
/// drawn optimum plus ripples and an offset for each category, the speed s a function of the first
/// parameter alone, and noise of deviation 0.02 / sqrt(r).
struct LearningCurves: Sendable {
  static let resource = "epochs"
  static let largest = 81.0

  let dimension: Int
  let hasCategory: Bool
  let seed: UInt64
  private let optimum: [Double]
  private let weights: [Double]
  private let offsets: [Double]

  init(dimension: Int, hasCategory: Bool, seed: UInt64) {
    self.dimension = dimension
    self.hasCategory = hasCategory
    self.seed = seed
    var random = RandomSource(seed: seed, purpose: "learning curves")
    optimum = (0..<dimension).map { _ in 0.15 + 0.7 * random.uniform() }
    let raw = (0..<dimension).map { _ in 0.1 + random.uniform() }
    let total = raw.reduce(0, +)
    weights = raw.map { $0 / total }
    offsets = [0, 0.05, 0.1, 0.2].shuffled(using: &random)
  }

  func experiment(_ algorithm: String, settings: [SettingText] = []) -> Experiment {
    var specs = (0..<dimension).map { d in
      d == 1 ? ParameterSpec.int("x1", "0", "100") : .double("x\(d)", "0", "1")
    }
    if hasCategory { specs.append(.categorical("c", ["0", "1", "2", "3"])) }
    specs.append(.int(LearningCurves.resource, "1", "81"))
    let own: [SettingText] =
      algorithm == "random"
      ? [] : .of(["r_l": "81", "resource_name": LearningCurves.resource])
    return Experiment(
      name: "curves", objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: own + settings, parameterSpecs: specs)
  }

  private func unit(_ trial: SimulatedController.Trial, _ d: Int) -> Double {
    let value = NumberText.parse(trial["x\(d)"]) ?? 0.5
    return d == 1 ? value / 100 : value
  }

  /// The loss without noise.
  func loss(_ trial: SimulatedController.Trial, resource r: Double) -> Double {
    var bowl = 0.0
    for d in 0..<dimension {
      let distance = unit(trial, d) - optimum[d]
      bowl += weights[d] * (distance * distance + 0.02 * (1 - cos(12 * distance)))
    }
    let offset = hasCategory ? offsets[Int(trial["c"]) ?? 0] : 0
    let asymptote = min(0.9, 0.05 + 1.2 * bowl + offset)
    let speed = 0.1 + unit(trial, 0)
    return asymptote + (1 - asymptote) * pow(1 + 2 * speed * r, -0.7)
  }

  /// What a trial runs on: random search spends the largest resource on every one.
  private static func amount(_ trial: SimulatedController.Trial, _ algorithm: String) -> Double {
    guard algorithm != "random" else { return largest }
    return NumberText.parse(trial[resource]) ?? 0
  }

  /// Runs an Experiment until its trials have used up `budget` times the largest resource.
  /// - Returns: the loss without noise, on the largest resource, of the trial that looks best
  ///   there; 1 when none has got there.
  func run(
    _ algorithm: String, settings: [SettingText] = [], budget: Double, parallel: Int
  ) throws -> Double {
    let curves = self
    let amount: @Sendable (SimulatedController.Trial) -> Double = {
      LearningCurves.amount($0, algorithm)
    }
    var controller = SimulatedController(
      experiment(algorithm, settings: settings), parallel: parallel, seed: seed
    ) { trial in
      curves.loss(trial, resource: amount(trial)) + curves.noise(trial, resource: amount(trial))
    }
    // Up to a fifth faster or slower than the resource says.
    controller.duration = { trial in
      let digit = Double((trial.name.utf8.last ?? 0) % 10)
      return max(1, Int(amount(trial) * (0.8 + 0.04 * digit)))
    }
    try controller.run(maximum: .max) { state in
      state.trials.reduce(0) { $0 + amount($1) } >= budget * LearningCurves.largest
    }
    let best = controller.trials.filter { amount($0) == LearningCurves.largest }
      .compactMap { trial in
        trial.objective.flatMap { NumberText.parse($0) }.map { (seen: $0, trial: trial) }
      }.min { $0.seen < $1.seen }
    return best.map { loss($0.trial, resource: LearningCurves.largest) } ?? 1
  }

  private func noise(_ trial: SimulatedController.Trial, resource r: Double) -> Double {
    var hash = seed
    for assignment in trial.assignments {
      for byte in assignment.value.utf8 { hash = RandomSource.mix(hash ^ UInt64(byte)) }
    }
    var random = RandomSource(seed: hash, purpose: "noise")
    return 0.02 / r.squareRoot() * Normal.quantile(random.uniformOpen())
  }
}
