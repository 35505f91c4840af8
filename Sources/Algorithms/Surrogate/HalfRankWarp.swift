// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// A robust scale for objective values: the better half keeps its differences, the worse half is
/// replaced by normal scores, so that one disaster does not flatten the region that matters
/// (the half-rank warp of Vizier: Song et al., "The Vizier Gaussian process bandit algorithm",
/// arXiv 2408.11527).
enum HalfRankWarp {
  /// - Parameter values: finite, to be minimised.
  /// - Returns: about standard normal values, smaller is better, the median near 0; nil when all
  ///   values are equal.
  static func targets(_ values: [Double]) -> [Double]? {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    guard let first = order.first, let last = order.last, values[first] < values[last] else {
      return nil
    }
    let scores = normalScores(values, order)
    let middle = order[values.count / 2]
    // Halved before subtracting: the difference of two huge values may overflow.
    let reach = values[middle] / 2 - values[first] / 2
    guard reach > 0 else { return scores }
    let shifted = values.map { ($0 / 2 - values[middle] / 2) / reach }
    let better = order[...(values.count / 2)]
    let square = better.reduce(0) { $0 + shifted[$1] * shifted[$1] } / Double(better.count)
    let unit = max(square.squareRoot(), 1e-3)
    return values.indices.map { i in
      values[i] <= values[middle] ? shifted[i] / unit : scores[i] - scores[middle]
    }
  }

  /// Normal quantiles of the ranks; equal values share the middle of theirs.
  static func normalScores(_ values: [Double], _ order: [Int]) -> [Double] {
    var scores = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      let score = Normal.quantile(0.5 * Double(start + end) / Double(values.count))
      for i in start..<end { scores[order[i]] = score }
      start = end
    }
    return scores
  }
}
