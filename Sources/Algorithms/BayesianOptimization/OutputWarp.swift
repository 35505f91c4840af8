// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Makes objective values fit for a Gaussian process, whatever their scale and their outliers.
///
/// The half-rank warp (Song et al., "The Vizier Gaussian process bandit algorithm", 2024, section
/// 3.2): the better half keeps its values, because their differences carry the information; the
/// worse half is replaced by what a normal distribution would have at its ranks. Here smaller is
/// better. Then everything is standardised.
///
/// What surprises: only differences within the better half are ever formed, each scaled by a power
/// of two first. So values of 1e300 and of 1e-300 are equally welcome, even in one history.
enum OutputWarp {
  /// - Parameter values: finite, in any order.
  /// - Returns: warped values in the same order, with mean 0 and standard deviation 1, or all 0
  ///   where the values do not differ.
  static func warped(_ values: [Double]) -> [Double] { standardised(halfRank(values)) }

  /// The warp before standardisation, relative to the median and to the scale of the better half.
  static func halfRank(_ values: [Double]) -> [Double] {
    // Halves: the difference of two finite halves is finite.
    let sorted = values.map { $0 / 2 }.sorted()
    guard sorted.count > 1 else { return values.map { _ in 0 } }
    let middle = sorted.count / 2
    let median =
      sorted.count % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2
    let exponent = (median - sorted[0]).exponent
    func relative(_ half: Double) -> Double {
      // In two steps: 2^1074 itself is not a double.
      scalbn(scalbn(half - median, Int32(-(exponent / 2))), Int32(-(exponent - exponent / 2)))
    }

    // The distinct values worse than the median, from the worst (rank 0) on.
    var ranks: [Double: Double] = [:]
    for value in sorted.reversed() where value > median && ranks[value] == nil {
      ranks[value] = Double(ranks.count)
    }
    guard median > sorted[0] else {
      // Half of the values or more are equally good: what is left is the order of the others.
      return values.map { value in
        ranks[value / 2].map { Double(ranks.count) - $0 } ?? 0
      }
    }
    let good = sorted.prefix { $0 <= median }.map(relative)
    let spread = (good.reduce(0) { $0 + $1 * $1 } / Double(good.count)).squareRoot()
    let slots = Double(ranks.count) + (good.last == 0 ? 0.5 : 0)
    return values.map { value in
      guard let rank = ranks[value / 2] else { return relative(value / 2) }
      return -spread * Normal.quantile(0.5 * (rank + 0.5) / slots)
    }
  }

  static func standardised(_ values: [Double]) -> [Double] {
    let n = Double(values.count)
    let mean = values.reduce(0) { $0 + $1 / n }
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / n }
    guard variance > 0, variance.isFinite else { return values.map { _ in 0 } }
    let deviation = variance.squareRoot()
    return values.map { ($0 - mean) / deviation }
  }
}
