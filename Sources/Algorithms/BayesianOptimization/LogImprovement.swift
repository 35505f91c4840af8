// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The logarithm of the expected improvement of a standard normal, and of the probability of
/// improvement, exact far into the tail (Ament et al., "Unexpected improvements to expected
/// improvement for Bayesian optimization", NeurIPS 2023).
///
/// With z = (f* − μ)/σ for minimisation, EI = σ h(z), h(z) = φ(z) + z Φ(z). Where z is very
/// negative, h underflows long before its logarithm stops being useful: without the logarithm the
/// surface that the optimiser climbs would be flat almost everywhere.
enum LogImprovement {
  private static let halfLogTwoPi = 0.918938533204672741780329736406

  /// ln h(z) and its derivative Φ(z)/h(z).
  static func expected(_ z: Double) -> (value: Double, derivative: Double) {
    if z > -1 {
      let cdf = 0.5 * erfc(-z * 0.5.squareRoot())
      let h = exp(-0.5 * z * z - halfLogTwoPi) + z * cdf
      return (log(h), cdf / h)
    }
    // ln h = ln φ + ln(h/φ), where h/φ = 1 − |z| R and R = Φ/φ is Mills' ratio.
    let logDensity = -0.5 * z * z - halfLogTwoPi
    if z > -25 {
      let mills = millsRatio(z)
      let share = 1 + z * mills
      return (logDensity + log(share), mills / share)
    }
    // h/φ = z⁻² (1 − 3z⁻² + 15z⁻⁴ − 105z⁻⁶ + …), R = |z|⁻¹ (1 − z⁻² + 3z⁻⁴ − 15z⁻⁶ + …).
    let t = 1 / (z * z)
    let share = -3 * t + 15 * t * t - 105 * t * t * t + 945 * t * t * t * t
    let mills = 1 - t + 3 * t * t - 15 * t * t * t + 105 * t * t * t * t
    return (logDensity + log(t) + log1p(share), -z * mills / (1 + share))
  }

  /// ln Φ(z) and its derivative φ(z)/Φ(z).
  static func probability(_ z: Double) -> (value: Double, derivative: Double) {
    if z > -1 {
      let cdf = 0.5 * erfc(-z * 0.5.squareRoot())
      return (log(cdf), exp(-0.5 * z * z - halfLogTwoPi) / cdf)
    }
    let mills = z > -25 ? millsRatio(z) : millsSeries(z)
    return (-0.5 * z * z - halfLogTwoPi + log(mills), 1 / mills)
  }

  /// Φ(z)/φ(z) for −25 < z ≤ −1: erfc is still a normal number there.
  private static func millsRatio(_ z: Double) -> Double {
    0.5 * erfc(-z * 0.5.squareRoot()) * exp(0.5 * z * z + halfLogTwoPi)
  }

  private static func millsSeries(_ z: Double) -> Double {
    let t = 1 / (z * z)
    return (1 - t + 3 * t * t - 15 * t * t * t + 105 * t * t * t * t) / -z
  }
}
