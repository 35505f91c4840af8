// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// The state of CMA-ES over a real space, and one generation's update of it.
///
/// Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv 1604.00772), figure 6 with active
/// (negative) weights; equation numbers are his. Vectors only: bounds, grids, categories and
/// restarts are others' work.
///
/// What surprises: `update` takes points from anywhere. A step that the present distribution would
/// practically never make is shortened to a length it would (Hansen, "Injecting external solutions
/// into CMA-ES", arXiv 1110.4181), so late results and other people's points can do no harm.
struct CovarianceAdaptation: Sendable {
  let constants: CMAConstants
  var mean: [Double]
  var sigma: Double
  /// Row-major, symmetric.
  var covariance: [Double]
  private(set) var sigmaPath: [Double]
  private(set) var covariancePath: [Double]
  private(set) var generation = 0
  /// B and D with C = B D^2 B^T, refreshed often enough for the learning rates.
  private(set) var basis: [Double]
  private(set) var scales: [Double]
  private var basisGeneration = 0
  /// Eigendecompositions so far, the dominant cost in large spaces.
  private(set) var decompositions = 0

  var dimension: Int { constants.dimension }

  init(constants: CMAConstants, mean: [Double], sigma: Double) {
    let n = constants.dimension
    self.constants = constants
    self.mean = mean
    self.sigma = sigma
    covariance = CovarianceAdaptation.identity(n)
    basis = covariance
    scales = [Double](repeating: 1, count: n)
    sigmaPath = [Double](repeating: 0, count: n)
    covariancePath = sigmaPath
  }

  static func identity(_ n: Int) -> [Double] {
    var matrix = [Double](repeating: 0, count: n * n)
    for i in 0..<n { matrix[i * n + i] = 1 }
    return matrix
  }

  /// B D z: a step of the present distribution in units of sigma, from a standard normal z.
  func step(_ z: [Double]) -> [Double] {
    let n = dimension
    var y = [Double](repeating: 0, count: n)
    for i in 0..<n {
      var sum = 0.0
      for j in 0..<n { sum += basis[i * n + j] * scales[j] * z[j] }
      y[i] = sum
    }
    return y
  }

  /// D^-1 B^T y, whose norm is the Mahalanobis length of the step y.
  func whitened(_ y: [Double]) -> [Double] {
    let n = dimension
    var z = [Double](repeating: 0, count: n)
    for i in 0..<n {
      let yi = y[i]
      for j in 0..<n { z[j] += basis[i * n + j] * yi }
    }
    for j in 0..<n { z[j] /= scales[j] }
    return z
  }

  /// One generation.
  /// - Parameters:
  ///   - points: lambda points, best first.
  ///   - weights: one weight per point; nil: the constants' own.
  ///   - longest: longest Mahalanobis length of a step, longer ones are shortened.
  mutating func update(
    points: [[Double]], weights: [Double]? = nil, longest: Double = .infinity
  ) {
    let n = dimension
    let c = constants
    let weights = weights ?? c.weights
    generation += 1
    var steps: [[Double]] = []
    var lengths2: [Double] = []
    for point in points {
      var y = (0..<n).map { (point[$0] - mean[$0]) / sigma }
      var length2 = whitened(y).reduce(0) { $0 + $1 * $1 }
      if length2 > longest * longest {
        let shrink = longest / length2.squareRoot()
        for i in 0..<n { y[i] *= shrink }
        length2 = longest * longest
      }
      steps.append(y)
      lengths2.append(length2)
    }
    // Equations 41 and 42: the mean.
    var weighted = [Double](repeating: 0, count: n)
    for (y, w) in zip(steps, weights) where w > 0 {
      for i in 0..<n { weighted[i] += w * y[i] }
    }
    for i in 0..<n { mean[i] += c.meanRate * sigma * weighted[i] }
    // Equations 43 and 44: the step size. C^(-1/2) y = B D^-1 B^T y.
    let white = whitened(weighted)
    let gain = (c.sigmaRate * (2 - c.sigmaRate) * c.effective).squareRoot()
    var norm2 = 0.0
    for i in 0..<n {
      var sum = 0.0
      for j in 0..<n { sum += basis[i * n + j] * white[j] }
      sigmaPath[i] = (1 - c.sigmaRate) * sigmaPath[i] + gain * sum
      norm2 += sigmaPath[i] * sigmaPath[i]
    }
    let norm = norm2.squareRoot()
    sigma *= exp(c.sigmaRate / c.sigmaDamping * (norm / c.expectedNorm - 1))
    sigma = min(max(sigma, 1e-150), 1e32)
    // Equation 45, with the stall indicator h.
    let settled = (1 - pow(1 - c.sigmaRate, 2 * Double(generation + 1))).squareRoot()
    let h = norm / settled < (1.4 + 2 / Double(n + 1)) * c.expectedNorm ? 1.0 : 0.0
    let pull = h * (c.pathRate * (2 - c.pathRate) * c.effective).squareRoot()
    for i in 0..<n {
      covariancePath[i] = (1 - c.pathRate) * covariancePath[i] + pull * weighted[i]
    }
    adapt(steps: steps, lengths2: lengths2, weights: weights, stalled: h == 0)
    refreshBasis()
  }

  /// One generation of equal values.
  mutating func widen() {
    generation += 1
    sigma *= exp(0.2 + constants.sigmaRate / constants.sigmaDamping)
  }

  /// Equations 46 and 47: rank one and rank mu, negative weights scaled by n / |C^(-1/2) y|^2.
  private mutating func adapt(
    steps: [[Double]], lengths2: [Double], weights: [Double], stalled: Bool
  ) {
    let n = dimension
    let c = constants
    let lost = stalled ? c.rankOneRate * c.pathRate * (2 - c.pathRate) : 0
    let keep = 1 + lost - c.rankOneRate - c.rankMuRate * weights.reduce(0, +)
    covariance.withUnsafeMutableBufferPointer { matrix in
      for i in 0..<n * n { matrix[i] *= keep }
      func add(_ factor: Double, _ y: [Double]) {
        for i in 0..<n {
          let f = factor * y[i]
          for j in 0...i { matrix[i * n + j] += f * y[j] }
        }
      }
      add(c.rankOneRate, covariancePath)
      for (k, y) in steps.enumerated() where weights[k] != 0 {
        let w = weights[k]
        add(c.rankMuRate * (w > 0 ? w : w * Double(n) / (lengths2[k] + 1e-8)), y)
      }
      for i in 0..<n {
        for j in 0..<i { matrix[j * n + i] = matrix[i * n + j] }
      }
    }
  }

  /// Decomposes C again once it has changed by a few per cent (the lazy update of the tutorial's
  /// section B.2): every generation in small spaces, some hundreds apart at n = 200.
  private mutating func refreshBasis() {
    let gap = max(1, Int(0.05 / (constants.rankOneRate + constants.rankMuRate)))
    if generation - basisGeneration < gap { return }
    basisGeneration = generation
    decompositions += 1
    let n = dimension
    let eigen = SymmetricEigen(covariance, dimension: n)
    guard eigen.values.allSatisfy(\.isFinite), eigen.vectors.allSatisfy(\.isFinite) else { return }
    basis = eigen.vectors
    scales = eigen.values.map { ($0 > 0 ? $0 : 1e-8).squareRoot() }
    if eigen.values[0] <= 0 { rebuildCovariance() }
  }

  private mutating func rebuildCovariance() {
    let n = dimension
    for i in 0..<n {
      for j in 0...i {
        var sum = 0.0
        for k in 0..<n {
          sum += basis[i * n + k] * scales[k] * scales[k] * basis[j * n + k]
        }
        covariance[i * n + j] = sum
        covariance[j * n + i] = sum
      }
    }
  }

  /// Standard deviation along an axis, in units of sigma.
  func spread(_ axis: Int) -> Double {
    max(covariance[axis * dimension + axis], 0).squareRoot()
  }
}
