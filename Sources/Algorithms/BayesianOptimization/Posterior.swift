// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// The Gaussian process after the data, and after fantasies about what is still running.
///
/// With K = LLᵀ over the data (noise on its diagonal) and k the covariances to a new point,
/// w = L⁻¹k, v = L⁻¹(y − m1): mean m + wᵀv, variance s² − wᵀw (Rasmussen and Williams, alg. 2.1).
///
/// A pending point is an observation whose value is unknown: M of them are drawn jointly from the
/// posterior ("fantasies"; Snoek, Larochelle and Adams, NeurIPS 2012). The variance does not depend
/// on the values, so one factor serves all; each fantasy has its own column of v. What surprises:
/// adding a pending point appends one row to L, and the new elements of v are standard normals, for
/// v is the data in the coordinates in which it is white. So a fantasy costs nothing to draw.
struct Posterior: Sendable {
  let kernel: MaternKernel
  private(set) var points: PointSet
  private var cholesky: Cholesky
  /// m: the constant mean.
  let mean: Double
  /// v, one column per fantasy.
  private var whitened: Matrix
  /// L⁻ᵀ v, one column per fantasy: the mean is m + kᵀ of it.
  private(set) var weights: Matrix
  /// f*, the best value so far, one per fantasy.
  private(set) var incumbents: [Double]
  /// The posterior mean at every point of the data.
  let fitted: [Double]

  /// The number of fantasies, 1 where nothing is pending.
  var fantasies: Int { whitened.columns }

  /// - Parameters:
  ///   - measured: how many of the first points were really measured; the others (failed trials)
  ///     carry invented values and cannot be the incumbent.
  /// - Returns: nil where no jitter up to 1e-2 makes the covariance matrix positive definite.
  init?(
    _ process: GaussianProcess, parameters: Hyperparameters, measured: Int
  ) {
    kernel = MaternKernel(axes: process.axes, parameters: parameters)
    points = process.points
    let n = points.count
    var none = Matrix(rows: 0, columns: 0)
    let covariance = kernel.covariance(points, slopes: &none)
    var factor: Cholesky?
    var jitter = 0.0
    while factor == nil && jitter < 2e-2 * parameters.signalVariance {
      var noisy = covariance
      for i in 0..<n { noisy[i, i] += parameters.noiseVariance + jitter }
      factor = Cholesky(noisy)
      jitter = jitter == 0 ? 1e-8 * parameters.signalVariance : 10 * jitter
    }
    guard let factor else { return nil }
    cholesky = factor
    let (mean, alpha) = GaussianProcess.mean(process.values, factor)
    self.mean = mean
    // K_f α = (K − σ²I) α: the posterior mean at the data needs no further product.
    let noise = parameters.noiseVariance
    let fitted = (0..<n).map { process.values[$0] - noise * alpha[$0] }
    self.fitted = fitted
    var residual = process.values.map { $0 - mean }
    factor.solveTriangular(&residual)
    whitened = Matrix(rows: n, columns: 1, elements: residual)
    weights = Matrix(rows: n, columns: 1, elements: alpha)
    incumbents = [fitted.prefix(measured).min() ?? mean]
  }

  /// Conditions on one more running trial.
  /// - Parameters:
  ///   - coordinates: where it runs.
  ///   - normals: one standard normal per fantasy; their number is the same in every call.
  mutating func addPending(_ coordinates: [Double], normals: [Double]) {
    branch(into: normals.count)
    let (w, variance, before) = project(coordinates)
    // Noise-free: the improvement over min(f*, f at the pending points) is what is wanted. The
    // nugget keeps the factor sound where the point was measured already.
    let pivot = (variance + 1e-6 * kernel.parameters.signalVariance).squareRoot()
    for m in normals.indices {
      incumbents[m] = min(incumbents[m], mean + before[m] + variance.squareRoot() * normals[m])
    }
    append(coordinates, w, pivot: pivot, whitened: normals)
  }

  /// Conditions on one more value, with the noise of the others.
  mutating func addObservation(_ coordinates: [Double], value: Double) {
    let (w, variance, before) = project(coordinates)
    let noise = max(kernel.parameters.noiseVariance, 1e-6 * kernel.parameters.signalVariance)
    let pivot = (variance + noise).squareRoot()
    append(
      coordinates, w, pivot: pivot, whitened: before.map { (value - mean - $0) / pivot })
  }

  /// The first pending point: every fantasy starts from the same data.
  private mutating func branch(into fantasies: Int) {
    guard whitened.columns != fantasies else { return }
    let column = whitened.elements
    whitened = Matrix(rows: points.count, columns: fantasies)
    for m in 0..<fantasies {
      for i in column.indices { whitened[i, m] = column[i] }
    }
    incumbents = [Double](repeating: incumbents[0], count: fantasies)
  }

  /// w = L⁻¹k, the variance, and wᵀv per fantasy at one point.
  private func project(_ coordinates: [Double]) -> ([Double], Double, [Double]) {
    var w = kernel.covariance(points, PointSet(coordinatesOfOne: coordinates)).elements
    cholesky.solveTriangular(&w)
    let variance = max(0, kernel.parameters.signalVariance - dot(w, w))
    return (w, variance, whitened.times(w, transposed: true))
  }

  private mutating func append(
    _ coordinates: [Double], _ w: [Double], pivot: Double, whitened last: [Double]
  ) {
    cholesky = cholesky.appending(whitened: w, pivot: pivot)
    points = points.appending(coordinates)
    var grown = Matrix(rows: points.count, columns: last.count)
    for m in last.indices {
      for i in w.indices { grown[i, m] = whitened[i, m] }
      grown[w.count, m] = last[m]
    }
    whitened = grown
    weights = grown
    cholesky.solveTriangular(&weights, transposed: true)
  }

  /// Predictions at many points.
  struct Many {
    /// Fantasies x points.
    var means: Matrix
    var deviations: [Double]

    /// ln E[1/t] = −μ + ½σ² where the model is one of ln t.
    func logOfInverse(at point: Int) -> Double {
      0.5 * deviations[point] * deviations[point] - means[0, point]
    }
  }

  func predict(_ others: PointSet) -> Many {
    var w = kernel.covariance(points, others)
    cholesky.solveTriangular(&w)
    var means = Matrix.product(whitened, w, transposingLeft: true)
    for i in means.elements.indices { means.elements[i] += mean }
    let n = points.count
    let deviations = (0..<others.count).map { j in
      var explained = 0.0
      for i in j * n..<(j + 1) * n { explained += w.elements[i] * w.elements[i] }
      return deviation(explained)
    }
    return Many(means: means, deviations: deviations)
  }

  /// Never zero: the logarithm of the deviation is taken.
  private func deviation(_ explained: Double) -> Double {
    let signal = kernel.parameters.signalVariance
    return max(signal - explained, 1e-10 * signal).squareRoot()
  }

  /// A prediction at one point that can be differentiated.
  struct Local {
    var means: [Double]
    var deviation: Double
    /// K⁻¹k.
    var solved: [Double]
    var slope: [Double]
    var coordinates: [Double]
  }

  func predict(at coordinates: [Double]) -> Local {
    var slope = [Double](repeating: 0, count: points.count)
    let k = kernel.covariance(points, toOne: coordinates, slope: &slope)
    var w = k
    cholesky.solveTriangular(&w)
    let deviation = deviation(dot(w, w))
    let means = whitened.times(w, transposed: true).map { $0 + mean }
    cholesky.solveTriangular(&w, transposed: true)
    return Local(
      means: means, deviation: deviation, solved: w, slope: slope, coordinates: coordinates)
  }

  /// Adds to `gradient`, per axis, the derivative of a function of the means and the deviation.
  ///
  /// ∂mean/∂x = ∂kᵀ L⁻ᵀv, ∂deviation/∂x = −∂kᵀ K⁻¹k / deviation.
  func addGradient(
    _ local: Local, byMeans: [Double], byDeviation: Double, to gradient: inout [Double]
  ) {
    var c = weights.times(byMeans)
    let n = points.count
    let factor = byDeviation / local.deviation
    for i in 0..<n { c[i] = (c[i] - factor * local.solved[i]) * local.slope[i] }
    points.coordinates.withUnsafeBufferPointer { x in
      for d in gradient.indices where !kernel.isCategorical[d] {
        let here = local.coordinates[d]
        var sum = 0.0
        for i in 0..<n { sum += c[i] * (here - x[d * n + i]) }
        gradient[d] -= sum * kernel.weights[d]
      }
    }
  }
}
