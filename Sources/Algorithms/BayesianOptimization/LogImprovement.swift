// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// The logarithm of the expected improvement of a standard normal, and of the probability of
/// improvement, exact far into the tail (Ament et al., "Unexpected improvements to expected
/// improvement for Bayesian optimization", NeurIPS 2023).
///
/// With z = (f* − μ)/σ for minimisation, EI = σ h(z), h(z) = φ(z) + z Φ(z). Where z is very
/// negative, h underflows long before its logarithm stops being useful: without the logarithm the
/// surface that the optimiser climbs would be flat almost everywhere.
enum LogImprovement {
  /// ln h(z) and its derivative Φ(z)/h(z).
  static func expected(_ z: Double) -> (value: Double, derivative: Double) {
    if z > -1 {
      let cdf = Normal.cdf(z)
      let h = Normal.pdf(z) + z * cdf
      return (log(h), cdf / h)
    }
    // ln h = ln φ + ln(h/φ), where h/φ = 1 − |z| R and R = Φ/φ is Mills' ratio.
    let logDensity = Normal.logPdf(z)
    if z > -25 {
      let mills = exp(Normal.logCdf(z) - logDensity)
      let share = 1 + z * mills
      return (logDensity + log(share), mills / share)
    }
    // The difference would cancel. Its asymptotic series, t = z⁻²:
    // h/φ = t (1 − 3t + 15t² − 105t³ + …), R = |z|⁻¹ (1 − t + 3t² − 15t³ + …).
    let t = 1 / (z * z)
    let share = t * (-3 + t * (15 + t * (-105 + t * (945 - t * 10395))))
    let mills = 1 + t * (-1 + t * (3 + t * (-15 + t * (105 - t * 945))))
    return (logDensity - 2 * log(-z) + log1p(share), -z * mills / (1 + share))
  }

  /// ln Φ(z) and its derivative φ(z)/Φ(z).
  static func probability(_ z: Double) -> (value: Double, derivative: Double) {
    let value = Normal.logCdf(z)
    return (value, exp(Normal.logPdf(z) - value))
  }
}
