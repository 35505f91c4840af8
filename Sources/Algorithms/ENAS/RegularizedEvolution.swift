// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// Regularised evolution: Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier
/// architecture search", AAAI 2019.
///
/// The population is the last so many finished trials: the oldest dies, not the worst, so a network
/// that was merely lucky cannot stay for ever. The parent is the best of a random sample; the child
/// differs from it in one operation or one skip.
///
/// What surprises: population and sample are far smaller than the paper's 100 and 25, because
/// Katib's experiments are: with a hundred trials in all, a parent has to be good now.
struct RegularizedEvolution: Sendable {
  /// Living members.
  var population = 20
  /// Members of which the best becomes the parent.
  var sample = 10

  /// - Parameter finished: at least one trial, in the order in which they ended; larger rewards are
  ///   better.
  func child(
    _ space: ArchitectureSpace, _ finished: [(architecture: Architecture, reward: Double)],
    using random: inout RandomSource
  ) -> Architecture {
    let oldest = max(0, finished.count - population)
    var parent = oldest + random.uniform(below: finished.count - oldest)
    for _ in 1..<max(sample, 2) {
      let other = oldest + random.uniform(below: finished.count - oldest)
      if finished[other].reward > finished[parent].reward { parent = other }
    }
    var child = finished[parent].architecture
    space.mutate(&child, using: &random)
    return child
  }
}
