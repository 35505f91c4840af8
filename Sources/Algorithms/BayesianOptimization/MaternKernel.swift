// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// What the Gaussian process learns.
struct Hyperparameters: Sendable, Equatable {
  /// One length scale ℓ per axis, in units of the cube's side.
  var lengthScales: [Double]
  /// s², the variance of the function.
  var signalVariance: Double
  /// σ², the variance of the noise.
  var noiseVariance: Double

  /// ln ℓ₁ … ln ℓ_D, ln s², ln σ²: what the optimiser moves.
  var logarithms: [Double] {
    lengthScales.map { log($0) } + [log(signalVariance), log(noiseVariance)]
  }

  init(lengthScales: [Double], signalVariance: Double, noiseVariance: Double) {
    self.lengthScales = lengthScales
    self.signalVariance = signalVariance
    self.noiseVariance = noiseVariance
  }

  init(logarithms: [Double]) {
    let dimension = logarithms.count - 2
    lengthScales = logarithms[..<dimension].map { exp($0) }
    signalVariance = exp(logarithms[dimension])
    noiseVariance = exp(logarithms[dimension + 1])
  }
}

/// The Matérn 5/2 kernel with one length scale per axis (Rasmussen and Williams, Gaussian Processes
/// for Machine Learning, eq. 4.17):
///
///     k = s² (1 + √5 r + 5r²/3) e^(−√5 r),   r² = Σ_numeric Δ²/ℓ² + Σ_categorical 1[≠]/ℓ²
///     ∂k/∂ln ℓ_d = s² (5/3) (1 + √5 r) e^(−√5 r) Δ_d²/ℓ_d²
///     ∂k/∂x_d    = −s² (5/3) (1 + √5 r) e^(−√5 r) Δ_d/ℓ_d²
///
/// The common factor s² (5/3) (1 + √5 r) e^(−√5 r) is called the slope below. Distances are summed
/// axis by axis where they are needed; nothing of size points x points x axes is ever stored.
struct MaternKernel: Sendable {
  let isCategorical: [Bool]
  let parameters: Hyperparameters
  /// 1/ℓ² per axis.
  let weights: [Double]

  init(axes: [ModelAxis], parameters: Hyperparameters) {
    isCategorical = axes.map { $0.isCategorical }
    self.parameters = parameters
    weights = parameters.lengthScales.map { 1 / ($0 * $0) }
  }

  /// k and, if asked for, the slope between every point of `points` from `first` on and one point,
  /// given by `coordinates[offset + d * stride]`.
  private func column(
    _ points: UnsafeBufferPointer<Double>, count: Int, from first: Int,
    to coordinates: UnsafeBufferPointer<Double>, offset: Int, stride: Int,
    covariance: UnsafeMutablePointer<Double>, slope: UnsafeMutablePointer<Double>?
  ) {
    for i in first..<count { covariance[i] = 0 }
    for d in weights.indices {
      let weight = weights[d]
      let x = coordinates[offset + d * stride]
      let axis = points.baseAddress.unsafelyUnwrapped + d * count
      if isCategorical[d] {
        for i in first..<count { covariance[i] += axis[i] == x ? 0 : weight }
      } else {
        for i in first..<count {
          let difference = axis[i] - x
          covariance[i] += weight * difference * difference
        }
      }
    }
    let signal = parameters.signalVariance
    for i in first..<count {
      let squared = 5 * covariance[i]
      let r = squared.squareRoot()
      let decay = signal * exp(-r)
      covariance[i] = decay * (1 + r + squared * (1.0 / 3))
      slope?[i] = decay * (5.0 / 3) * (1 + r)
    }
  }

  /// The covariance matrix of the points without noise, lower triangle only, and the slopes.
  /// - Parameter slopes: as large as the result, or empty where they are not wanted.
  func covariance(_ points: PointSet, slopes: inout Matrix) -> Matrix {
    var result = Matrix(rows: points.count, columns: points.count)
    let n = points.count
    precondition(slopes.elements.isEmpty || slopes.elements.count == n * n)
    guard n > 0 else { return result }
    points.coordinates.withUnsafeBufferPointer { x in
      result.elements.withUnsafeMutableBufferPointer { k in
        slopes.elements.withUnsafeMutableBufferPointer { s in
          for j in 0..<n {
            column(
              x, count: n, from: j, to: x, offset: j, stride: n,
              covariance: k.baseAddress.unsafelyUnwrapped + j * n,
              slope: s.isEmpty ? nil : s.baseAddress.unsafelyUnwrapped + j * n)
          }
        }
      }
    }
    return result
  }

  /// The covariances between `points` (rows) and `others` (columns).
  func covariance(_ points: PointSet, _ others: PointSet) -> Matrix {
    var result = Matrix(rows: points.count, columns: others.count)
    guard points.count > 0 && others.count > 0 else { return result }
    points.coordinates.withUnsafeBufferPointer { x in
      others.coordinates.withUnsafeBufferPointer { y in
        result.elements.withUnsafeMutableBufferPointer { k in
          for j in 0..<others.count {
            column(
              x, count: points.count, from: 0, to: y, offset: j, stride: others.count,
              covariance: k.baseAddress.unsafelyUnwrapped + j * points.count, slope: nil)
          }
        }
      }
    }
    return result
  }

  /// The covariances between all points and one, and their slopes.
  /// - Parameter slope: an element for each point.
  func covariance(
    _ points: PointSet, toOne coordinates: [Double], slope: inout [Double]
  ) -> [Double] {
    var result = [Double](repeating: 0, count: points.count)
    precondition(slope.count == points.count)
    guard points.count > 0 else { return result }
    points.coordinates.withUnsafeBufferPointer { x in
      coordinates.withUnsafeBufferPointer { y in
        result.withUnsafeMutableBufferPointer { k in
          slope.withUnsafeMutableBufferPointer { s in
            column(
              x, count: points.count, from: 0, to: y, offset: 0, stride: 1,
              covariance: k.baseAddress.unsafelyUnwrapped,
              slope: s.baseAddress.unsafelyUnwrapped)
          }
        }
      }
    }
    return result
  }

  /// Σ_{i>j} G_ij ∂k_ij/∂ln ℓ_d for every axis d, where the lower triangle of `g` already holds
  /// the slopes times whatever weighs the pair.
  func lengthScaleGradient(_ points: PointSet, weighting g: Matrix) -> [Double] {
    var result = [Double](repeating: 0, count: weights.count)
    let n = points.count
    points.coordinates.withUnsafeBufferPointer { x in
      g.elements.withUnsafeBufferPointer { g in
        for d in weights.indices {
          var sum = 0.0
          for j in 0..<n {
            let here = x[d * n + j]
            // Four running sums, so that additions need not wait for one another.
            var partial = SIMD4<Double>(repeating: 0)
            var i = j + 1
            if isCategorical[d] {
              while i < n {
                if x[d * n + i] != here { sum += g[i + j * n] }
                i += 1
              }
            } else {
              while i + 4 <= n {
                let base = d * n + i
                let difference =
                  SIMD4(x[base], x[base + 1], x[base + 2], x[base + 3])
                  - SIMD4<Double>(repeating: here)
                let at = i + j * n
                partial += SIMD4(g[at], g[at + 1], g[at + 2], g[at + 3]) * difference * difference
                i += 4
              }
              while i < n {
                let difference = x[d * n + i] - here
                sum += g[i + j * n] * difference * difference
                i += 1
              }
            }
            sum += partial.sum()
          }
          result[d] = sum * weights[d]
        }
      }
    }
    return result
  }
}
