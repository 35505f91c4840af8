// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Glibc
internal import Numerics

/// A mixture of product kernels over the unit cube, one kernel per observation and one for the
/// prior: the density estimate behind TPE.
///
/// Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization" (NIPS 2011)
/// for the estimator; Watanabe, "Tree-structured Parzen estimator" (arXiv 2304.11127) for the
/// multivariate form and the bandwidths; Falkner, Klein and Hutter, "BOHB" (ICML 2018) for
/// product kernels.
///
/// - A continuous axis carries a normal truncated to [0, 1].
/// - A grid axis carries the mass that the same normal puts into the cell of a value. Cells much
///   narrower than every bandwidth use the density in the middle of the cell instead.
/// - A categorical axis carries a smoothed indicator.
///
/// What surprises: log densities leave out the width of fine cells. It is one factor for all
/// kernels of both mixtures of TPE and cancels in their ratio.
struct ParzenEstimator {
  struct Options: Sendable {
    /// Smallest bandwidth, as a share of the range: max(floor, (n + 2)^-exponent).
    var floor = 0.03
    var exponent = 2.0
    var categoricalWeight = 1.0
    var rule = 0
    var scale = 1.0
  }

  /// A grid is coarse, and its cells are integrated exactly, while it has fewer values than this.
  static let coarseLimit = 400

  private enum Column {
    /// Centres and reciprocal bandwidths, one each per kernel.
    case normal(centers: [Double], inverses: [Double])
    /// Kernel i belongs to class `classes[i]`; kernels of a class share centre and bandwidth.
    case cells(GridAxis, classes: [Int32], centers: [Double], bandwidths: [Double], masses: [Double])
    /// Index of each kernel's category, -1 for the prior; log probabilities of equal and of other.
    case categories(indices: [Int32], equal: Double, other: Double, count: Int)
  }

  let axes: [Axis]
  private var columns: [Column] = []
  /// ln of weight times the normalisers of all axes, one per kernel.
  private var base: [Double]
  private var cumulative: [Double]
  private let options: Options
  private var scratch: [Double]

  var count: Int { base.count }

  init(
    axes: [Axis], points: PointList, rows: [Int], weights: [Double], priorWeight: Double,
    options: Options
  ) {
    self.axes = axes
    self.options = options
    var all = weights
    all.append(max(priorWeight, 1e-12))
    let total = all.reduce(0, +)
    base = all.map { log($0 / total) }
    cumulative = []
    var sum = 0.0
    for weight in all {
      sum += weight / total
      cumulative.append(sum)
    }
    scratch = [Double](repeating: 0, count: all.count)
    for (d, axis) in axes.enumerated() {
      let entries = rows.map { points[$0, d] }
      columns.append(column(axis: axis, entries: entries))
    }
  }

  static func coordinate(_ axis: Axis, _ entry: Double) -> Double {
    if case .grid(let grid) = axis { return grid.center(Int(entry)) }
    return entry
  }

  private mutating func column(axis: Axis, entries: [Double]) -> Column {
    let n = entries.count
    switch axis {
    case .categorical(let count):
      let share = options.categoricalWeight / Double(n + 1)
      let scale = 1 + Double(count) * share
      base[n] -= log(Double(count))
      return .categories(
        indices: entries.map { Int32($0) } + [-1], equal: log((1 + share) / scale),
        other: log(share / scale), count: count)
    case .continuous:
      return normalColumn(entries)
    case .grid(let grid):
      let centers = entries.map { grid.center(Int($0)) }
      if grid.count >= ParzenEstimator.coarseLimit { return normalColumn(centers) }
      let bandwidths = bandwidths(of: centers)
      return cellColumn(grid, entries: entries, centers: centers, bandwidths: bandwidths)
    }
  }

  private mutating func normalColumn(_ entries: [Double]) -> Column {
    let bandwidths = bandwidths(of: entries)
    var centers = entries
    centers.append(0.5)
    var inverses = [Double](repeating: 1, count: centers.count)
    for i in centers.indices {
      let inverse = 1 / bandwidths[i]
      inverses[i] = inverse
      base[i] +=
        log(inverse) - Normal.halfLogTwoPi
        - Normal.logMass(from: -centers[i] * inverse, to: (1 - centers[i]) * inverse)
    }
    return .normal(centers: centers, inverses: inverses)
  }

  private mutating func cellColumn(
    _ grid: GridAxis, entries: [Double], centers: [Double], bandwidths: [Double]
  ) -> Column {
    struct Key: Hashable {
      var entry: Int
      var bandwidth: Double
    }
    var known: [Key: Int32] = [:]
    var classes: [Int32] = []
    var classCenters: [Double] = []
    var classBandwidths: [Double] = []
    var masses: [Double] = []
    for i in 0...entries.count {
      let isPrior = i == entries.count
      let key = Key(entry: isPrior ? -1 : Int(entries[i]), bandwidth: bandwidths[i])
      if let known = known[key] {
        classes.append(known)
        continue
      }
      let center = isPrior ? 0.5 : centers[i]
      known[key] = Int32(masses.count)
      classes.append(Int32(masses.count))
      classCenters.append(center)
      classBandwidths.append(bandwidths[i])
      masses.append(
        Normal.logMass(from: -center / bandwidths[i], to: (1 - center) / bandwidths[i]))
    }
    return .cells(
      grid, classes: classes, centers: classCenters, bandwidths: classBandwidths, masses: masses)
  }

  /// The larger gap to a neighbour, clipped; the prior's kernel comes last.
  private func bandwidths(of centers: [Double]) -> [Double] {
    let n = centers.count
    let minimum = max(options.floor, pow(Double(n + 2), -options.exponent))
    var result = [Double](repeating: 1, count: n + 1)
    if options.rule == 2 {
      let mean = centers.reduce(0, +) / Double(n)
      let v = centers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
      let s = options.scale * max(v.squareRoot(), 1e-3) * pow(Double(n), -1 / Double(axes.count + 4))
      for i in 0..<n { result[i] = min(max(s, minimum), 1) }
      return result
    }
    if options.rule == 3 {
      let s = options.scale * pow(Double(n), -1 / Double(axes.count + 4))
      for i in 0..<n { result[i] = min(max(s, minimum), 1) }
      return result
    }
    var order = Array(0..<n)
    order.sort { centers[$0] < centers[$1] }
    // The prior's centre takes part as a neighbour.
    var sorted = order.map { centers[$0] }
    let place = sorted.firstIndex { $0 >= 0.5 } ?? n
    sorted.insert(0.5, at: place)
    order.insert(n, at: place)
    for (rank, i) in order.enumerated() where i != n {
      var gap: Double
      if options.rule == 1 {
        let left = rank == 0 ? 0 : sorted[rank] - sorted[rank - 1]
        let right = rank == n ? 0 : sorted[rank + 1] - sorted[rank]
        gap = max(left, right)
      } else {
        let left = sorted[rank] - (rank == 0 ? 0 : sorted[rank - 1])
        let right = (rank == n ? 1 : sorted[rank + 1]) - sorted[rank]
        gap = max(left, right)
      }
      gap *= options.scale
      result[i] = min(max(gap, minimum), 1)
    }
    return result
  }

  // MARK: - Use

  /// ln of the density (of the mass, on coarse grids) at a point.
  mutating func logDensity(at point: [Double]) -> Double {
    let n = base.count
    base.withUnsafeBufferPointer { base in
      scratch.withUnsafeMutableBufferPointer { sums in
        for i in 0..<n { sums[i] = base[i] }
      }
    }
    for (d, column) in columns.enumerated() { add(column, axis: axes[d], entry: point[d]) }
    return scratch.withUnsafeBufferPointer { logSumExp($0) }
  }

  private mutating func add(_ column: Column, axis: Axis, entry: Double) {
    scratch.withUnsafeMutableBufferPointer { sums in
      switch column {
      case .normal(let centers, let inverses):
        let x = ParzenEstimator.coordinate(axis, entry)
        centers.withUnsafeBufferPointer { centers in
          inverses.withUnsafeBufferPointer { inverses in
            for i in 0..<sums.count {
              let z = (x - centers[i]) * inverses[i]
              sums[i] -= 0.5 * z * z
            }
          }
        }
      case .cells(let grid, let classes, let centers, let bandwidths, let masses):
        let cell = grid.cell(Int(entry))
        let table = masses.indices.map { c in
          Normal.logMass(
            from: (cell.lower - centers[c]) / bandwidths[c],
            to: (cell.upper - centers[c]) / bandwidths[c]) - masses[c]
        }
        for i in 0..<sums.count { sums[i] += table[Int(classes[i])] }
      case .categories(let indices, let equal, let other, _):
        let index = Int32(entry)
        for i in 0..<sums.count - 1 { sums[i] += indices[i] == index ? equal : other }
      }
    }
  }

  /// A point of the mixture: one kernel by weight, then every axis from that kernel.
  func sample(using random: inout RandomSource) -> [Double] {
    let u = random.uniform()
    var low = 0
    var high = cumulative.count - 1
    while low < high {
      let mid = (low + high) / 2
      if cumulative[mid] > u { high = mid } else { low = mid + 1 }
    }
    return sample(kernel: low, using: &random)
  }

  func sample(kernel i: Int, using random: inout RandomSource) -> [Double] {
    axes.indices.map { d in
      switch columns[d] {
      case .normal(let centers, let inverses):
        let x = Normal.truncatedQuantile(
          random.uniformOpen(), mean: centers[i], deviation: 1 / inverses[i], from: 0, to: 1)
        if case .grid(let grid) = axes[d] { return Double(grid.index(at: x)) }
        return x
      case .cells(let grid, let classes, let centers, let bandwidths, _):
        let c = Int(classes[i])
        let x = Normal.truncatedQuantile(
          random.uniformOpen(), mean: centers[c], deviation: bandwidths[c], from: 0, to: 1)
        return Double(grid.index(at: x))
      case .categories(let indices, let equal, _, let count):
        let own = Int(indices[i])
        if own < 0 { return Double(random.uniform(below: count)) }
        // With the probability of `equal` its own category, else one of the others evenly.
        if count == 1 || random.uniform() < exp(equal) { return Double(own) }
        let other = random.uniform(below: count - 1)
        return Double(other < own ? other : other + 1)
      }
    }
  }
}

/// ln of the sum of exponentials, safe from overflow and underflow.
func logSumExp(_ values: UnsafeBufferPointer<Double>) -> Double {
  var high = -Double.infinity
  for value in values where value > high { high = value }
  guard high > -.infinity else { return -.infinity }
  var sum = 0.0
  for value in values where value > high - 40 { sum += exp(value - high) }
  return high + log(sum)
}
