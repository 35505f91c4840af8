// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// The points before there is a model: the centre, then a space-filling sequence, each a function
/// of its index alone.
struct InitialDesign {
  let axes: [ModelAxis]
  let seed: UInt64
  /// How many points the design has.
  let count: Int

  init(axes: [ModelAxis], seed: UInt64, requested: Int?, maximumTrials: Int?) {
    self.axes = axes
    self.seed = seed
    if let requested {
      count = requested
    } else {
      let wanted = min(max(axes.count + 1, 4), 10)
      count = max(3, min(wanted, (maximumTrials ?? .max) / 4))
    }
  }

  /// - Parameter index: the position of the suggestion, from 0.
  func point(_ index: Int) -> [Double] {
    if index == 0 {
      return axes.map { $0.isCategorical ? 0 : $0.nearest(to: 0.5) }
    }
    let u = SobolSequence(dimension: axes.count, seed: seed).point(at: UInt64(max(0, index)))
    return axes.indices.map { axes[$0].value(atUniform: u[$0]) }
  }
}
