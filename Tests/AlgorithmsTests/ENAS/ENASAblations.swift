// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import TestSupport
import Testing

@testable import Algorithms

/// Makes the tables of docs/ablations-enas.md: a measurement, no check, and only when asked.
///
///     KATIB_ABLATIONS="tasks=32 parallel=8 trials=100,300 share=0 share=0.5,steps=800" \
///       swift test -c release -Xswiftc -enable-testing --filter ENASAblations
///
/// Each word that is not one of the first three is a variant of the engine: what differs from the
/// defaults, separated by commas. The first row is always random sampling.
@Suite struct ENASAblations {
  struct Variant: Sendable {
    var name: String
    var share: Double?
    var startUp: Int?
    var evolution = RegularizedEvolution()
    var training = ControllerTraining()

    init(_ name: String) throws {
      self.name = name
      for change in name.split(separator: ",") where change.contains("=") {
        let parts = change.split(separator: "=")
        let value = try #require(Double(String(parts[1])))
        switch parts[0] {
        case "share": share = value
        case "start": startUp = Int(value)
        case "population": evolution.population = Int(value)
        case "sample": evolution.sample = Int(value)
        case "steps": training.mostSteps = Int(value)
        case "rate": training.learningRate = value
        case "hidden": training.hidden = Int(value)
        case "decay": training.baselineDecay = value
        case "skipWeight": training.skipWeight = value
        case "temperature": training.temperature = value
        case "constant": training.tanhConstant = value
        default: Issue.record("nobody knows \(change)")
        }
      }
    }
  }

  struct Setup: Sendable {
    var tasks = 32
    var parallel = 8
    var trials = [100]
    var sizes = [(8, 6), (12, 6)]
    var noise = 0.15
  }

  /// Regret after each of `setup.trials` on one task.
  static func regrets(_ variant: Variant, _ setup: Setup, task seed: UInt64) throws -> [Double] {
    let (layers, operations) = setup.sizes[Int(seed) % setup.sizes.count]
    let task = SyntheticNetworkTask(
      layers: layers, operations: operations, seed: seed, noise: setup.noise)
    let space = ArchitectureSpace(layers: layers, operations: operations)
    var engine = ENASEngine(space: space, training: variant.training, seed: 1_000 + seed)
    engine.evolution = variant.evolution
    engine.controllerShare = variant.share ?? engine.controllerShare
    engine.startUp = variant.startUp ?? engine.startUp
    var history = ArchitectureHistory()
    var networks: [[[Int]]] = []
    let count = setup.trials.max() ?? 0
    while networks.count < count {
      let batch = try engine.suggest(
        count: min(setup.parallel, count - networks.count), position: networks.count,
        history: history, checkCancellation: {})
      for architecture in batch {
        let network = SyntheticNetworkTask.network(architecture.text)
        history.evaluated.append(
          (architecture, task.observation(network, trial: networks.count)))
        history.seen.insert(architecture)
        networks.append(network)
      }
    }
    return setup.trials.map { task.regret(networks, first: $0) }
  }

  @Test(.enabled(if: getenv("KATIB_ABLATIONS") != nil)) func table() throws {
    guard let text = getenv("KATIB_ABLATIONS") else { return }
    var setup = Setup()
    var variants = [try Variant("random")]
    variants[0].startUp = .max
    for word in String(cString: text).split(separator: " ") {
      let parts = word.split(separator: "=")
      switch parts[0] {
      case "tasks": setup.tasks = Int(parts[1]) ?? 0
      case "parallel": setup.parallel = Int(parts[1]) ?? 1
      case "trials": setup.trials = parts[1].split(separator: ",").compactMap { Int($0) }
      case "noise": setup.noise = Double(String(parts[1])) ?? 0
      case "sizes":
        setup.sizes = parts[1].split(separator: ",").map { size in
          let numbers = size.split(separator: "x").compactMap { Int($0) }
          return (numbers[0], numbers[1])
        }
      default: variants.append(try Variant(String(word)))
      }
    }
    print(
      "| variant | " + setup.trials.map { "wins at \($0) | regret" }.joined(separator: " | ") + " |"
    )
    var random: [[Double]] = []
    for variant in variants {
      let regrets = try (0..<UInt64(setup.tasks)).map {
        try ENASAblations.regrets(variant, setup, task: $0)
      }
      if random.isEmpty { random = regrets }
      let cells = setup.trials.indices.map { i in
        let wins = regrets.indices.filter { regrets[$0][i] < random[$0][i] }.count
        let mean = regrets.reduce(0) { $0 + $1[i] } / Double(setup.tasks)
        let square = regrets.reduce(0) { $0 + ($1[i] - mean) * ($1[i] - mean) }
        let error = square.squareRoot() / Double(setup.tasks)
        func rounded(_ x: Double) -> Double { (x * 100).rounded() / 100 }
        return "\(wins) of \(setup.tasks) | \(rounded(mean)) ± \(rounded(error))"
      }
      print("| \(variant.name) | " + cells.joined(separator: " | ") + " |")
      fflush(nil)
    }
  }
}
