// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

/// `enas` against random sampling of architectures, on tasks whose optimum is known, through the
/// same door as the server: texts in, texts out.
@Suite struct ArchitectureSearchTests {
  static let checkpoints = [100, 300]

  /// The networks of an Experiment, in the order in which they were suggested.
  static func search(
    _ task: SyntheticNetworkTask, algorithm seed: UInt64, trials count: Int, parallel: Int
  ) throws -> [[[Int]]] {
    let experiment = Experiment(
      name: "task", objective: Objective(direction: .maximize, metricName: "loss"),
      algorithmName: "enas",
      algorithmSettings: .of(["random_state": "\(seed)", "controller_hidden_size": "32"]),
      parallelTrialCount: parallel, maxTrialCount: count, neuralArchitecture: task.architecture)
    var trials: [TrialFixture] = []
    var networks: [[[Int]]] = []
    while networks.count < count {
      let wanted = min(parallel, count - networks.count)
      for suggestion in try experiment.ask(wanted, after: trials).suggestions {
        let network = SyntheticNetworkTask.network(suggestion.assignments[0].value)
        let observed = task.observation(network, trial: networks.count)
        trials.append(
          TrialFixture(
            "task-\(networks.count)", .succeeded, suggestion.assignments, objective: "\(observed)",
            startTime: Int64(networks.count), completionTime: Int64(networks.count + parallel)))
        networks.append(network)
      }
    }
    return networks
  }

  /// As many architectures drawn blindly.
  static func blind(_ task: SyntheticNetworkTask, seed: UInt64, trials: Int) -> [[[Int]]] {
    let space = ArchitectureSpace(layers: task.layers, operations: task.operations)
    return (0..<trials).map { i in
      var random = RandomSource(seed: seed, purpose: "blind search", index: UInt64(i))
      return SyntheticNetworkTask.network(space.random(skipRate: 0.5, using: &random).text)
    }
  }

  /// The optimum that the task reports is one: nothing random or climbed comes above it, and on a
  /// task small enough to list everything it is reached.
  @Test func optimumIsOne() {
    for seed: UInt64 in 0..<5 {
      let small = SyntheticNetworkTask(layers: 3, operations: 3, seed: seed)
      let space = ArchitectureSpace(layers: 3, operations: 3)
      let best =
        (0..<(space.size ?? 0)).map {
          small.value(SyntheticNetworkTask.network(space.architecture(number: $0).text))
        }.max() ?? 0
      #expect(abs(best - small.optimum) < 1e-9, "seed \(seed)")
      let large = SyntheticNetworkTask(layers: 8, operations: 6, seed: seed)
      let values = ArchitectureSearchTests.blind(large, seed: seed, trials: 2_000).map(large.value)
      #expect(values.allSatisfy { $0 < large.optimum }, "seed \(seed)")
      let mean = values.reduce(0, +) / 2_000
      #expect(abs(mean) < 0.15, "seed \(seed): \(mean)")
    }
  }

  /// Better than blind search at 100 trials and at 300, on at least seven of eight tasks; and
  /// nearer to the optimum on average by a third and by half.
  @Test func beatsRandomArchitectures() async throws {
    let sizes = [(6, 4), (8, 6), (12, 6), (12, 12)]
    let seeds: [UInt64] = Array(0..<8)
    // Each task on a thread of its own.
    let regrets = try await withThrowingTaskGroup(of: [(Double, Double)].self) { group in
      for seed in seeds {
        group.addTask {
          let (layers, operations) = sizes[Int(seed) % sizes.count]
          let task = SyntheticNetworkTask(layers: layers, operations: operations, seed: seed)
          let found = try ArchitectureSearchTests.search(
            task, algorithm: seed, trials: 300, parallel: 15)
          let blind = ArchitectureSearchTests.blind(task, seed: seed, trials: 300)
          return ArchitectureSearchTests.checkpoints.map {
            (task.regret(found, first: $0), task.regret(blind, first: $0))
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for (i, (trials, share)) in zip(ArchitectureSearchTests.checkpoints, [0.67, 0.5]).enumerated() {
      let wins = regrets.filter { $0[i].0 < $0[i].1 }.count
      let mean = regrets.reduce(0) { $0 + $1[i].0 } / Double(seeds.count)
      let blindMean = regrets.reduce(0) { $0 + $1[i].1 } / Double(seeds.count)
      let figures = "\(wins) of \(seeds.count) tasks, mean regret \(mean) against \(blindMean)"
      #expect(wins >= seeds.count - 1, "\(trials) trials: \(figures)")
      #expect(mean < share * blindMean, "\(trials) trials: \(figures)")
    }
  }
}
