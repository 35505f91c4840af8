// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Stand-ins until Numerics has the normal distribution and the Sobol sequence.
enum Provisional {
  /// Φ⁻¹ by bisection-free rational start (Acklam) and two Halley steps.
  static func quantile(_ p: Double) -> Double {
    guard p > 0 && p < 1 else { return p <= 0 ? -40 : 40 }
    if p > 0.5 { return -quantile(1 - p) }
    var x: Double
    if p < 0.02425 {
      let q = (-2 * log(p)).squareRoot()
      let top =
        ((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q
          - 2.549732539343734) * q + 4.374664141464968) * q + 2.938163982698783
      let bottom =
        (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q
          + 3.754408661907416) * q + 1
      x = top / bottom
    } else {
      let q = p - 0.5
      let r = q * q
      let top =
        ((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r
          + 1.383577518672690e+02) * r - 3.066479806614716e+01) * r + 2.506628277459239
      let bottom =
        ((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r
          + 6.680131188771972e+01) * r - 1.328068155288572e+01) * r + 1
      x = q * top / bottom
    }
    for _ in 0..<2 {
      let error = 0.5 * erfc(-x / 2.0.squareRoot()) - p
      let u = error * (2 * Double.pi).squareRoot() * exp(0.5 * x * x)
      x -= u / (1 + 0.5 * x * u)
    }
    return x
  }

  /// `count` points in the unit cube: a Latin hypercube.
  static func points(count: Int, dimension: Int, random: inout RandomSource) -> [[Double]] {
    var result = [[Double]](repeating: [Double](repeating: 0, count: dimension), count: count)
    for d in 0..<dimension {
      let order = (0..<count).shuffled(using: &random)
      for i in 0..<count { result[i][d] = (Double(order[i]) + random.uniform()) / Double(count) }
    }
    return result
  }
}
