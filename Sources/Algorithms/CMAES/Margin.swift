// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// The margin correction of CMA-ES for grid axes: Hamano, Saito, Nomura and Shirakawa, "CMA-ES
/// with margin" (GECCO 2022), section 4.
///
/// Once sigma is small against a cell, every sample falls into the mean's own cell and the axis is
/// frozen by chance. The margin keeps the probability of leaving that cell at `margin / 2` on each
/// side at least, by widening the axis (a factor A that acts on the samples only, not on C) and by
/// moving the mean inside its cell.
struct Margin: Sendable {
  /// The smallest probability of leaving the mean's cell: 1 / (n lambda).
  let margin: Double

  /// - Parameters:
  ///   - mean: the axis' mean after the update.
  ///   - deviation: sigma sqrt(C_jj), without A.
  ///   - factor: A of the axis.
  ///   - lower: the lower edge of the mean's cell; equal to `upper` in a cell at the end.
  ///   - upper: the upper edge of the mean's cell.
  /// - Returns: the corrected mean and A.
  func corrected(
    mean: Double, deviation: Double, factor: Double, lower: Double, upper: Double
  ) -> (mean: Double, factor: Double) {
    let s = deviation * factor
    guard s > 0 else { return (mean, 1) }
    let below = Normal.cdf((lower - mean) / s)
    let above = Normal.cdf((mean - upper) / s)
    if lower == upper || max(below, above) > 0.5 {
      // The mean stands in a cell at the end of the grid: one edge only. Pull it back until the
      // other side has its share. sqrt of chi^2's quantile at 1 - 2a is -Phi^-1(a).
      if min(below, above) >= margin { return (mean, factor) }
      let distance = -s * Normal.quantile(margin)
      return (mean > upper ? upper + distance : upper - distance, factor)
    }
    let middle = 1 - below - above
    let low = max(below, margin / 2)
    let high = max(above, margin / 2)
    // What the floors added is taken back in proportion, equation 20.
    let excess = 1 - low - high - middle
    let total = low + middle + high - 1.5 * margin
    func share(_ p: Double) -> Double {
      min(max(p + excess * (p - margin / 2) / total, 1e-10), 0.5 - 1e-10)
    }
    let left = -Normal.quantile(share(low))
    let right = -Normal.quantile(share(high))
    return (
      (lower * right + upper * left) / (left + right),
      (upper - lower) / ((left + right) * deviation)
    )
  }
}
