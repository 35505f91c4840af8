// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// A Gaussian process with a constant mean whose hyperparameters are the most probable ones given
/// the data (MAP).
///
/// The mean is profiled: for given hyperparameters it is the generalised least squares estimate
/// m = 1ᵀK⁻¹y / 1ᵀK⁻¹1. With α = K⁻¹(y − m1), minus the logarithm of the posterior density is
///
///     ½ (y − m1)ᵀα + ½ ln|K| + (n/2) ln 2π − ln prior,   gradient ½ tr((K⁻¹ − ααᵀ) ∂K) − ∂ ln prior
///
/// (Rasmussen and Williams, eq. 5.9; the profiled mean adds nothing, its derivative vanishes).
///
/// The priors are those of BoTorch for ℓ and σ² (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian
/// optimization performs great in high dimensions", ICML 2024): ℓ ~ LogNormal(√2 + ½ ln D, √3), so
/// that length scales grow with the diagonal of the cube, σ² ~ LogNormal(−4, 1); and
/// ln s² ~ N(0, 0.7²), because the values are standardised.
struct GaussianProcess: Sendable {
  static let lengthScaleRange = 0.025...100.0
  static let signalRange = 0.01...100.0
  static let noiseRange = 1e-6...10.0

  let axes: [ModelAxis]
  let points: PointSet
  /// Warped and standardised values, one per point.
  let values: [Double]

  /// Minus the log posterior density of the hyperparameters, and its gradient.
  /// - Parameter gradient: filled in, by ln ℓ₁ … ln ℓ_D, ln s², ln σ²; empty if not wanted.
  /// - Returns: infinity where the covariance matrix has no Cholesky factor.
  func negativeLogPosterior(
    logarithms: [Double], gradient: inout [Double]
  ) -> Double {
    let parameters = Hyperparameters(logarithms: logarithms)
    let kernel = MaternKernel(axes: axes, parameters: parameters)
    let n = points.count
    var slopes = Matrix(rows: n, columns: gradient.isEmpty ? 0 : n)
    var covariance = kernel.covariance(points, slopes: &slopes)
    for i in 0..<n { covariance[i, i] += parameters.noiseVariance }
    guard let cholesky = Cholesky(covariance) else { return .infinity }
    let (mean, alpha) = GaussianProcess.mean(values, cholesky)
    var fit = 0.0
    for i in 0..<n { fit += (values[i] - mean) * alpha[i] }
    let likelihood =
      0.5 * (fit + cholesky.logDeterminant + Double(n) * log(2 * Double.pi))
    let dimension = axes.count
    if !gradient.isEmpty {
      let inverse = cholesky.inverseLowerTriangle()
      var trace = 0.0
      for i in 0..<n { trace += inverse[i, i] }
      weigh(&slopes, inverse, alpha)
      let byLength = kernel.lengthScaleGradient(points, weighting: slopes)
      for d in 0..<dimension { gradient[d] = byLength[d] }
      let noise = parameters.noiseVariance * (trace - dot(alpha, alpha))
      gradient[dimension] = 0.5 * (Double(n) - fit - noise)
      gradient[dimension + 1] = 0.5 * noise
    }
    return likelihood + GaussianProcess.negativeLogPrior(logarithms, gradient: &gradient)
  }

  /// G_ij = (K⁻¹_ij − α_i α_j) slope_ij, in place.
  private func weigh(_ slopes: inout Matrix, _ inverse: Matrix, _ alpha: [Double]) {
    let n = points.count
    slopes.elements.withUnsafeMutableBufferPointer { slopes in
      inverse.elements.withUnsafeBufferPointer { inverse in
        alpha.withUnsafeBufferPointer { alpha in
          for j in 0..<n {
            let right = alpha[j]
            for i in j..<n {
              slopes[i + j * n] *= inverse[i + j * n] - alpha[i] * right
            }
          }
        }
      }
    }
  }

  /// The generalised least squares mean m and α = K⁻¹(y − m1).
  static func mean(_ values: [Double], _ cholesky: Cholesky) -> (Double, [Double]) {
    let ones = cholesky.solve([Double](repeating: 1, count: values.count))
    let weighted = cholesky.solve(values)
    let total = ones.reduce(0, +)
    let mean = total > 0 ? weighted.reduce(0, +) / total : 0
    return (mean, values.indices.map { weighted[$0] - mean * ones[$0] })
  }

  /// Minus the log prior density up to a constant; its gradient is added.
  ///
  /// The densities of ℓ and σ² are taken in the parameter itself, hence the extra ln θ; that of s²
  /// in its logarithm.
  static func negativeLogPrior(_ logarithms: [Double], gradient: inout [Double]) -> Double {
    let dimension = logarithms.count - 2
    var value = 0.0
    func add(_ index: Int, mean: Double, deviation: Double, inParameter: Bool) {
      let x = logarithms[index]
      let z = (x - mean) / deviation
      value += 0.5 * z * z + (inParameter ? x : 0)
      if !gradient.isEmpty { gradient[index] += z / deviation + (inParameter ? 1 : 0) }
    }
    let lengthMean = 2.0.squareRoot() + 0.5 * log(Double(max(1, dimension)))
    for d in 0..<dimension {
      add(d, mean: lengthMean, deviation: 3.0.squareRoot(), inParameter: true)
    }
    add(dimension, mean: 0, deviation: 0.7, inParameter: false)
    add(dimension + 1, mean: -4, deviation: 1, inParameter: true)
    return value
  }

  // MARK: - Learning

  /// The box of the optimiser, in logarithms.
  private var bounds: (lower: [Double], upper: [Double]) {
    func side(_ pick: (ClosedRange<Double>) -> Double) -> [Double] {
      [Double](repeating: log(pick(Self.lengthScaleRange)), count: axes.count)
        + [log(pick(Self.signalRange)), log(pick(Self.noiseRange))]
    }
    return (side { $0.lowerBound }, side { $0.upperBound })
  }

  /// The most probable hyperparameters, from a few fixed starts.
  func fit(_ work: Work) throws -> Hyperparameters {
    let dimension = axes.count
    let root = Double(max(1, dimension)).squareRoot()
    // The mode of the prior, a rougher and noisier guess, a local and very noisy one.
    var starts = [(0.205 * root, 1e-3), (0.5 * root.squareRoot(), 1e-2), (0.2, 1e-1)]
    if points.count > 150 { starts.removeLast() }
    let cost = Work.costOfLikelihood(points: points.count, dimension: dimension)
    let evaluations = max(8, min(80, Work.fitBudget / starts.count / max(1, cost)))
    let search = BoundedLBFGS(
      maximumIterations: 60, maximumEvaluations: evaluations, gradientTolerance: 1e-3,
      valueTolerance: 1e-6)
    let (lower, upper) = bounds
    var best = Hyperparameters(
      lengthScales: [Double](repeating: 0.205 * root, count: dimension), signalVariance: 1,
      noiseVariance: 1e-2)
    var bestValue = Double.infinity
    for (length, noise) in starts {
      let start = [Double](repeating: log(length), count: dimension) + [0, log(noise)]
      let result = try search.minimize(from: start, lower: lower, upper: upper) { x, gradient in
        try work.spend(cost)
        return negativeLogPosterior(logarithms: x, gradient: &gradient)
      }
      if result.value < bestValue {
        bestValue = result.value
        best = Hyperparameters(logarithms: result.point)
      }
    }
    return best
  }

  /// Other plausible hyperparameters: draws from the normal distribution that has the curvature of
  /// the posterior at its mode (Laplace's approximation), by a Sobol sequence.
  ///
  /// Each is weighted by the square root of its importance weight, that is of the posterior density
  /// over the density it was drawn from. The full weight would leave one or two draws that count.
  /// - Parameter mode: where ``fit(_:)`` ended.
  /// - Returns: hyperparameters and positive weights, 1 being that of the mode; none where the
  ///   curvature would cost more than the fit.
  func alternatives(
    to mode: Hyperparameters, count: Int, seed: UInt64, work: Work
  ) throws -> [(parameters: Hyperparameters, weight: Double)] {
    let center = mode.logarithms
    let size = center.count
    let cost = Work.costOfLikelihood(points: points.count, dimension: axes.count)
    // The decomposition of the curvature costs the cube of its size, however few points there are.
    let decomposition = size * size * size
    guard size < 1_000, (size + count) * cost + decomposition < Work.fitBudget / 4 else {
      return []
    }
    try work.spend((size + 1 + count) * cost + decomposition)
    let (best, curvature) = curvature(at: center)
    guard best.isFinite, curvature.allSatisfy({ $0.isFinite }) else { return [] }
    let eigen = SymmetricEigen(curvature, dimension: size)
    // Where the posterior is flat its prior is not: no deviation exceeds about that of ln ℓ.
    let deviations = eigen.values.map { 1 / max($0, 0.3).squareRoot() }
    let sobol = SobolSequence(dimension: size, seed: seed)
    let (lower, upper) = bounds
    var none: [Double] = []
    return (0..<count).compactMap { index in
      let normals = sobol.point(at: UInt64(index)).map { Normal.quantile(max($0, 0x1p-40)) }
      var x = center
      for i in 0..<size {
        for j in 0..<size { x[i] += eigen.vectors[i * size + j] * deviations[j] * normals[j] }
        x[i] = min(max(x[i], lower[i]), upper[i])
      }
      let value = negativeLogPosterior(logarithms: x, gradient: &none)
      guard value.isFinite else { return nil }
      let logImportance = best - value + 0.5 * dot(normals, normals)
      return (Hyperparameters(logarithms: x), exp(0.5 * min(logImportance, 20)))
    }
  }

  /// Minus the log posterior density and its Hessian, row-major, by differences of gradients.
  private func curvature(at center: [Double]) -> (value: Double, hessian: [Double]) {
    let size = center.count
    let step = 0.05
    var here = [Double](repeating: 0, count: size)
    var there = here
    let value = negativeLogPosterior(logarithms: center, gradient: &here)
    var hessian = [Double](repeating: 0, count: size * size)
    for d in 0..<size {
      var moved = center
      moved[d] += step
      _ = negativeLogPosterior(logarithms: moved, gradient: &there)
      for e in 0..<size {
        let half = 0.5 * (there[e] - here[e]) / step
        hessian[d * size + e] += half
        hessian[e * size + d] += half
      }
    }
    return (value, hessian)
  }
}
