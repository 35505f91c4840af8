// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// What an Experiment knows of architectures.
struct ArchitectureHistory {
  /// What was evaluated, in the order in which it ended: larger rewards are better, nil is a
  /// failure.
  var evaluated: [(architecture: Architecture, reward: Double?)] = []
  /// Every architecture that was handed out, whatever became of it.
  var seen: Set<Architecture> = []
}

/// Architectures from a history of architectures and rewards.
///
/// Two searchers take turns by the toss of a coin. The controller (`Controller`) learns from every
/// trial which choices go with which reward and then composes networks anew: it sees far, but only
/// what a policy can express. Regularised evolution changes one thing in one of the best recent
/// networks: it climbs surely, step by step, from where the controller has led. Together they are
/// better than either (docs/ablations-enas.md).
///
/// Nothing is kept: the controller starts from the weights of the seed and is trained anew in every
/// call, on as much of the history as a budget of operations allows. Suggestion number i draws from
/// a random stream of its own.
struct ENASEngine {
  let space: ArchitectureSpace
  let training: ControllerTraining
  let seed: UInt64
  var evolution = RegularizedEvolution()
  /// Suggestions that are drawn at random first: something to learn from.
  var startUp = 10
  /// How often the controller proposes.
  var controllerShare = 0.5

  /// Draws from the controller until one is new.
  private static let redraws = 10
  /// Multiplications that drawing may take in one call; evolution proposes the rest.
  private static let drawBudget = 4_000_000_000

  /// - Parameters:
  ///   - count: the number of architectures wanted, at least 1.
  ///   - position: the number of the first of them.
  func suggest(
    count: Int, position: Int, history: ArchitectureHistory,
    checkCancellation: () throws -> Void
  ) throws -> [Architecture] {
    var seen = SeenArchitectures(space, history.seen)
    let finished = history.evaluated.compactMap { trial in
      trial.reward.map { (architecture: trial.architecture, reward: $0) }
    }
    var controller: Controller?
    var draws = ENASEngine.drawBudget / training.shape(space).operationsPerRun
    var architectures: [Architecture] = []
    architectures.reserveCapacity(count)
    for index in position..<position + count {
      try checkCancellation()
      var random = RandomSource(seed: seed, purpose: "enas", index: UInt64(index))
      var proposal: Architecture
      if index < startUp || finished.count < 2 {
        proposal = space.random(skipRate: training.startingSkipRate, using: &random)
      } else if random.uniform() < controllerShare, draws > 0 {
        let trained =
          try controller
          ?? training.trained(
            space, history.evaluated, seed: seed, checkCancellation: checkCancellation)
        controller = trained
        proposal = trained.draw(using: &random)
        draws -= 1
        var redraws = 0
        while seen.contains(proposal), redraws < ENASEngine.redraws, !seen.isExhausted, draws > 0 {
          proposal = trained.draw(using: &random)
          draws -= 1
          redraws += 1
        }
        // It has collapsed onto what is known, so what it would be asked for is a mutation.
        // Evolution makes those from a network that is known to be good.
        if redraws == ENASEngine.redraws, seen.contains(proposal) {
          proposal = evolution.child(space, finished, using: &random)
        }
      } else {
        proposal = evolution.child(space, finished, using: &random)
      }
      let architecture = seen.unseen(near: proposal, using: &random)
      seen.insert(architecture)
      architectures.append(architecture)
    }
    return architectures
  }
}
