// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The monotone map between a value and u in [0, 1], such that uniform in u is the declared prior.
///
/// uniform: linear. logUniform: linear in the logarithm. normal: the cumulative distribution of a
/// normal with mean (min + max) / 2 and standard deviation (max - min) / 6, cut at the bounds.
/// Katib's own services let normal samples fall outside [min, max]; here they cannot.
/// logNormal: the same on logarithms.
///
/// What surprises: a range can be so narrow that doubles do not resolve its logarithm or a sixth of
/// its width. Nobody could tell such a prior from a uniform one, so that is what it becomes.
struct Prior: Sendable, Equatable {
  private let isLogarithmic: Bool
  private let isNormal: Bool
  private let lowest: Double
  private let highest: Double
  /// The bounds after the logarithm, where there is one.
  private let lower: Double
  private let upper: Double
  private let mean: Double
  private let deviation: Double
  /// Φ of the standardised lower bound, and the mass between the bounds.
  private let massBelow: Double
  private let mass: Double

  /// - Parameters:
  ///   - minimum, maximum: the declared range, from which mean and deviation come.
  ///   - lowest, highest: the range of values to map onto [0, 1]; a grid is half a step wider.
  /// - Precondition: `lowest < highest`, and both positive on a logarithmic scale.
  init(
    _ distribution: Distribution, minimum: Double, maximum: Double, lowest: Double,
    highest: Double
  ) {
    self.lowest = lowest
    self.highest = highest
    func toScale(_ value: Double) -> Double { distribution.isLogarithmic ? log(value) : value }
    let middleLow = toScale(minimum)
    let middleHigh = toScale(maximum)
    let lower = toScale(lowest)
    let upper = toScale(highest)
    let mean = middleLow + (middleHigh - middleLow) / 2
    let deviation = (middleHigh - middleLow) / 6
    let massBelow = Prior.phi((lower - mean) / deviation)
    let mass = Prior.phi((upper - mean) / deviation) - massBelow
    let isResolved =
      lower.isFinite && upper.isFinite && upper > lower
      && (!distribution.isNormal || deviation > 0 && mass > 0)
    isLogarithmic = isResolved && distribution.isLogarithmic
    isNormal = isResolved && distribution.isNormal
    self.lower = isResolved ? lower : lowest
    self.upper = isResolved ? upper : highest
    self.mean = mean
    self.deviation = deviation
    self.massBelow = massBelow
    self.mass = mass
  }

  func unit(_ value: Double) -> Double {
    // The logarithm of what is not positive does not exist; such a value can only come from
    // elsewhere, and lies below the range.
    let x = isLogarithmic ? (value > 0 ? log(value) : lower) : value
    let u: Double
    if isNormal {
      u = (Prior.phi((x - mean) / deviation) - massBelow) / mass
    } else {
      u = (x - lower) / (upper - lower)
    }
    return min(max(u, 0), 1)
  }

  /// The ends of [0, 1] are exactly the bounds, which the exponential of a logarithm is not.
  func value(_ unit: Double) -> Double {
    if unit <= 0 { return lowest }
    if unit >= 1 { return highest }
    let x: Double
    if isNormal {
      x = mean + deviation * Prior.quantile(massBelow + unit * mass)
    } else {
      x = lower + unit * (upper - lower)
    }
    let bounded = isLogarithmic ? exp(x) : x
    return min(max(bounded, lowest), highest)
  }

  /// The standard normal's cumulative distribution.
  private static func phi(_ z: Double) -> Double { erfc(-z * 0.5.squareRoot()) / 2 }

  /// The inverse of `phi` by Newton's method from zero.
  ///
  /// On the lower half Φ is convex, so the steps from zero never overshoot and close in from one
  /// side; the upper half is its mirror image. Bounds lie within a few deviations of the mean, so
  /// a handful of steps is enough.
  private static func quantile(_ probability: Double) -> Double {
    if probability > 0.5 { return -quantile(1 - probability) }
    var z = 0.0
    for _ in 0..<60 {
      let density = exp(-z * z / 2) * 0.398_942_280_401_432_7
      let step = (phi(z) - probability) / density
      guard step.isFinite, abs(step) > 1e-15 * (1 + abs(z)) else { break }
      z = max(z - step, -9)
    }
    return z
  }
}
