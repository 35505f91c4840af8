// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// A small Gaussian process over the points near the search distribution, which ranks samples
/// before one of them is evaluated.
///
/// The idea of surrogate-assisted CMA-ES: Kern, Hansen and Koumoutsakos, "Local meta-models for
/// optimization using evolution strategies" (PPSN 2006), and Pitra, Bajer, Repický and Holeňa,
/// "Doubly trained evolution control" (GECCO 2017). Coordinates are whitened by the present
/// distribution, so the model inherits what the covariance has learned. Three hyperparameters
/// (length, noise, weight of a category mismatch) come from a coarse grid by marginal likelihood,
/// with mean and signal variance profiled out: with some tens of points a finer fit buys nothing.
struct LocalSurrogate {
  /// What is tried for the length (in units of sqrt(dimension)), the noise variance relative to
  /// the signal's, and the squared distance of a category mismatch.
  static let lengths = [0.5, 1, 2, 4, 8]
  static let noises = [1e-4, 1e-2, 0.2]
  static let mismatches = [0.3, 2.0]

  private let dimension: Int
  private let inverseLength2: Double
  private let mismatch: Double
  private let noise: Double
  private let signal: Double
  private let mean: Double
  /// Whitened coordinates of the training points.
  private var rows: [[Double]]
  private var categories: [[Int]]
  private var targets: [Double]
  private var factor: PackedCholesky
  /// (K + noise I)^-1 (y - mean)
  private var alpha: [Double]

  var count: Int { targets.count }

  /// - Parameters:
  ///   - rows: whitened coordinates, one row per point.
  ///   - categories: the entries of the categorical axes, one row per point.
  ///   - targets: what to predict, smaller is better; of order 1.
  /// - Returns: nil when no covariance could be factored.
  init?(rows: [[Double]], categories: [[Int]], targets: [Double]) {
    let pairs = PairDistances(rows: rows, categories: categories)
    dimension = rows.first?.count ?? 0
    let hasCategories = !(categories.first?.isEmpty ?? true)
    var best: Fit?
    for length in LocalSurrogate.lengths {
      let inverse = 1 / (length * length * Double(max(dimension, 1)))
      for mismatch in hasCategories ? LocalSurrogate.mismatches : [0] {
        let kernels = pairs.kernels(inverseLength2: inverse, mismatch: mismatch)
        for noise in LocalSurrogate.noises {
          guard let fit = Fit(kernels, noise: noise, targets: targets, inverse, mismatch) else {
            continue
          }
          if fit.evidence > best?.evidence ?? -.infinity { best = fit }
        }
      }
    }
    guard let best else { return nil }
    self.rows = rows
    self.categories = categories
    self.targets = targets
    inverseLength2 = best.inverseLength2
    mismatch = best.mismatch
    noise = best.noise
    signal = best.signal
    mean = best.mean
    factor = best.factor
    alpha = best.alpha
  }

  /// Posterior mean and standard deviation at a sample.
  func predict(_ row: [Double], categories own: [Int]) -> (mean: Double, deviation: Double) {
    let k = kernels(row, own)
    var value = mean
    for i in k.indices { value += k[i] * alpha[i] }
    let v = factor.forward(k)
    let variance = 1 - v.reduce(0) { $0 + $1 * $1 }
    return (value, (max(variance, 0) * signal).squareRoot())
  }

  /// Takes a point under evaluation for evaluated, with the value that the model expects there
  /// ("kriging believer": Ginsbourger, Le Riche and Carraro, 2010), so that its neighbourhood
  /// stops being uncertain.
  mutating func believe(_ row: [Double], categories own: [Int]) {
    let k = kernels(row, own)
    var value = mean
    for i in k.indices { value += k[i] * alpha[i] }
    guard value.isFinite, factor.append(k, diagonal: 1 + noise) else { return }
    rows.append(row)
    categories.append(own)
    targets.append(value)
    alpha = factor.solve(targets.map { $0 - mean })
  }

  private func kernels(_ row: [Double], _ own: [Int]) -> [Double] {
    rows.indices.map { i in
      var sum = 0.0
      let other = rows[i]
      for d in 0..<dimension {
        let difference = row[d] - other[d]
        sum += difference * difference
      }
      var different = 0.0
      for c in own.indices where own[c] != categories[i][c] { different += 1 }
      return LocalSurrogate.kernel(sum * inverseLength2 + different * mismatch)
    }
  }

  /// Matérn 5/2 of a squared scaled distance.
  fileprivate static func kernel(_ r2: Double) -> Double {
    let r = (5 * r2).squareRoot()
    return (1 + r + r * r / 3) * exp(-r)
  }
}

/// Squared distances and numbers of category mismatches of all pairs, rows of the lower triangle.
private struct PairDistances {
  let count: Int
  var squares: [Double] = []
  var differences: [Double] = []

  init(rows: [[Double]], categories: [[Int]]) {
    count = rows.count
    for i in 0..<count {
      for j in 0...i {
        var sum = 0.0
        for k in rows[i].indices {
          let d = rows[i][k] - rows[j][k]
          sum += d * d
        }
        var different = 0.0
        for c in categories[i].indices where categories[i][c] != categories[j][c] {
          different += 1
        }
        squares.append(sum)
        differences.append(different)
      }
    }
  }

  func kernels(inverseLength2: Double, mismatch: Double) -> [Double] {
    squares.indices.map {
      LocalSurrogate.kernel(squares[$0] * inverseLength2 + differences[$0] * mismatch)
    }
  }
}

/// One choice of hyperparameters with its profiled mean, signal variance and log evidence.
private struct Fit {
  let inverseLength2: Double
  let mismatch: Double
  let noise: Double
  let factor: PackedCholesky
  let mean: Double
  let alpha: [Double]
  let signal: Double
  let evidence: Double

  init?(
    _ kernels: [Double], noise: Double, targets: [Double], _ inverseLength2: Double,
    _ mismatch: Double
  ) {
    let n = targets.count
    guard let factor = PackedCholesky(kernels, addingToDiagonal: noise) else { return nil }
    let ones = factor.solve([Double](repeating: 1, count: n))
    let scaled = factor.solve(targets)
    mean = scaled.reduce(0, +) / ones.reduce(0, +)
    let mean = mean
    alpha = zip(scaled, ones).map { $0 - mean * $1 }
    var fit = 0.0
    for i in 0..<n { fit += (targets[i] - mean) * alpha[i] }
    signal = max(fit / Double(n), 1e-12)
    evidence = -0.5 * Double(n) * log(signal) - factor.logDiagonalSum
    self.inverseLength2 = inverseLength2
    self.mismatch = mismatch
    self.noise = noise
    self.factor = factor
    guard evidence.isFinite, mean.isFinite else { return nil }
  }
}

/// The Cholesky factor of a symmetric matrix, lower triangle row after row, which can grow by a
/// row. Rows are contiguous, so both the factorisation and appending are dot products.
struct PackedCholesky {
  private(set) var count = 0
  private var entries: [Double] = []

  /// - Parameter triangle: the lower triangle, row after row, diagonal included.
  /// - Returns: nil when the matrix is not numerically positive definite.
  init?(_ triangle: [Double], addingToDiagonal shift: Double) {
    entries.reserveCapacity(triangle.count)
    var start = 0
    while start < triangle.count {
      let row = Array(triangle[start..<start + count])
      guard append(row, diagonal: triangle[start + count] + shift) else { return nil }
      start += count
    }
  }

  /// Adds a row and column.
  /// - Returns: false, and changes nothing, when the result would not be positive definite.
  mutating func append(_ row: [Double], diagonal: Double) -> Bool {
    let solved = forward(row)
    let rest = diagonal - solved.reduce(0) { $0 + $1 * $1 }
    guard rest > 1e-12 else { return false }
    entries.append(contentsOf: solved)
    entries.append(rest.squareRoot())
    count += 1
    return true
  }

  /// L^-1 b
  func forward(_ b: [Double]) -> [Double] {
    var x = b
    x.withUnsafeMutableBufferPointer { x in
      entries.withUnsafeBufferPointer { l in
        var start = 0
        for i in 0..<x.count {
          var sum = x[i]
          for k in 0..<i { sum -= l[start + k] * x[k] }
          x[i] = sum / l[start + i]
          start += i + 1
        }
      }
    }
    return x
  }

  /// (L L^T)^-1 b
  func solve(_ b: [Double]) -> [Double] {
    var x = forward(b)
    x.withUnsafeMutableBufferPointer { x in
      entries.withUnsafeBufferPointer { l in
        for i in stride(from: x.count - 1, through: 0, by: -1) {
          let start = i * (i + 1) / 2
          x[i] /= l[start + i]
          let value = x[i]
          for k in 0..<i { x[k] -= l[start + k] * value }
        }
      }
    }
    return x
  }

  /// Sum of the logarithms of the diagonal: half the log determinant.
  var logDiagonalSum: Double {
    (0..<count).reduce(0) { $0 + log(entries[$1 * ($1 + 1) / 2 + $1]) }
  }
}
