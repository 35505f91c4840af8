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
/// multivariate form, the bandwidths and the smoothing of categories.
///
/// - A continuous axis carries a normal truncated to [0, 1].
/// - A grid axis carries the mass that the same normal puts into the cell of a value. Cells much
///   narrower than every bandwidth use the density in the middle of the cell instead.
/// - A categorical axis carries a smoothed indicator.
///
/// A kernel's bandwidth on an axis is the larger gap to its neighbours, where the centre of the
/// range (the prior's kernel) and both ends are neighbours too.
///
/// What surprises: densities leave out the width of fine cells. It is one factor for all kernels
/// of both mixtures of TPE and cancels in their ratio.
struct ParzenEstimator {
  /// Smallest bandwidth: `leastBandwidth`, or (n + 2)^-2 while that is larger ("magic clip").
  static let leastBandwidth = 0.03
  static let clipExponent = 2.0
  /// A grid's cells are integrated exactly while it has fewer values than this.
  static let coarseLimit = 400

  /// One axis of all kernels; the prior's kernel stands at `priorIndex`.
  private enum Column {
    /// Centres and reciprocal bandwidths.
    case normal(centers: [Double], inverses: [Double])
    /// Kernel i belongs to class `classes[i]`; kernels of a class share centre and bandwidth.
    case cells(GridAxis, classes: [Int32], KernelClasses)
    /// The kernels' categories, -1 for the prior; log probabilities of the own one and of others.
    case categories(indices: [Int32], equal: Double, other: Double, count: Int)
  }

  let axes: [Axis]
  private let priorIndex: Int
  private var columns: [Column] = []
  /// ln of weight times the normalisers of all axes, one per kernel.
  private var base: [Double]
  private var cumulativeWeights: [Double] = []
  private var totalWeight = 0.0
  private var sums: [Double] = []

  var count: Int { base.count }

  /// - Parameters:
  ///   - points: the list that `rows` indexes.
  ///   - rows: the observations.
  ///   - weights: one positive weight per observation.
  ///   - priorWeight: the weight of the prior's kernel, centred with bandwidth 1.
  init(
    axes: [Axis], points: PointList, rows: [Int], weights: [Double], priorWeight: Double
  ) {
    self.axes = axes
    priorIndex = rows.count
    let all = weights + [max(priorWeight, 1e-12)]
    base = all.map { log($0) }
    for weight in all {
      totalWeight += weight
      cumulativeWeights.append(totalWeight)
    }
    for (d, axis) in axes.enumerated() {
      columns.append(column(axis, entries: rows.map { points[$0, d] }))
    }
  }

  /// The place of an entry in [0, 1] on an ordered axis.
  static func coordinate(_ axis: Axis, _ entry: Double) -> Double {
    if case .grid(let grid) = axis { grid.center(Int(entry)) } else { entry }
  }

  // MARK: - Kernels

  private mutating func column(_ axis: Axis, entries: [Double]) -> Column {
    let n = entries.count
    switch axis {
    case .categorical(let count):
      let share = 1 / Double(n + 1)
      let scale = log(1 + Double(count) * share)
      base[n] -= log(Double(count))
      return .categories(
        indices: entries.map { Int32($0) } + [-1], equal: log(1 + share) - scale,
        other: log(share) - scale, count: count)
    case .continuous:
      return normalColumn(entries)
    case .grid(let grid):
      let centers = entries.map { grid.center(Int($0)) }
      if grid.count >= ParzenEstimator.coarseLimit { return normalColumn(centers) }
      var classes = KernelClasses()
      let bandwidths = ParzenEstimator.bandwidths(centers)
      let indices = (0...n).map { i in
        classes.index(center: i == n ? 0.5 : centers[i], bandwidth: bandwidths[i])
      }
      return .cells(grid, classes: indices, classes)
    }
  }

  private mutating func normalColumn(_ entries: [Double]) -> Column {
    let centers = entries + [0.5]
    let inverses = ParzenEstimator.bandwidths(entries).map { 1 / $0 }
    for i in centers.indices { base[i] += logNormaliser(centers[i], inverses[i]) }
    return .normal(centers: centers, inverses: inverses)
  }

  /// ln of what multiplies exp(-z^2 / 2) in a normal truncated to [0, 1].
  private func logNormaliser(_ center: Double, _ inverse: Double) -> Double {
    log(inverse) - Normal.halfLogTwoPi
      - Normal.logMass(from: -center * inverse, to: (1 - center) * inverse)
  }

  private static func clipped(_ bandwidth: Double, count: Int) -> Double {
    let least = max(leastBandwidth, pow(Double(count + 2), -clipExponent))
    return min(max(bandwidth, least), 1)
  }

  /// One bandwidth per centre, then the prior's.
  static func bandwidths(_ centers: [Double]) -> [Double] {
    let n = centers.count
    var order = (0..<n).sorted { (centers[$0], $0) < (centers[$1], $1) }
    order.insert(n, at: order.firstIndex { centers[$0] >= 0.5 } ?? n)
    func place(_ rank: Int) -> Double {
      rank < 0 ? 0 : rank > n ? 1 : order[rank] == n ? 0.5 : centers[order[rank]]
    }
    var result = [Double](repeating: 1, count: n + 1)
    for rank in 0...n where order[rank] != n {
      let gap = max(place(rank) - place(rank - 1), place(rank + 1) - place(rank))
      result[order[rank]] = clipped(gap, count: n)
    }
    return result
  }

  /// Adds a kernel of the given weight. The bandwidths of the others stay as they are: next to
  /// many kernels one more changes little.
  mutating func append(_ point: [Double], weight: Double) {
    let n = count
    base.append(log(weight))
    totalWeight += weight
    cumulativeWeights.append(totalWeight)
    for d in axes.indices {
      switch columns[d] {
      case .normal(var centers, var inverses):
        columns[d] = .categories(indices: [], equal: 0, other: 0, count: 0)  // frees the arrays
        let center = ParzenEstimator.coordinate(axes[d], point[d])
        let inverse = 1 / ParzenEstimator.bandwidth(at: center, among: centers)
        base[n] += logNormaliser(center, inverse)
        centers.append(center)
        inverses.append(inverse)
        columns[d] = .normal(centers: centers, inverses: inverses)
      case .cells(let grid, var indices, var classes):
        let center = grid.center(Int(point[d]))
        let bandwidth = ParzenEstimator.bandwidth(at: center, among: classes.centers)
        indices.append(classes.index(center: center, bandwidth: bandwidth))
        columns[d] = .cells(grid, classes: indices, classes)
      case .categories(var indices, let equal, let other, let count):
        indices.append(Int32(point[d]))
        columns[d] = .categories(indices: indices, equal: equal, other: other, count: count)
      }
    }
  }

  /// The bandwidth of one more kernel; the prior's centre is among `centers`.
  private static func bandwidth(at center: Double, among centers: [Double]) -> Double {
    var left = 0.0
    var right = 1.0
    for other in centers {
      if other <= center { left = max(left, other) }
      if other >= center { right = min(right, other) }
    }
    return clipped(max(center - left, right - center), count: centers.count)
  }

  // MARK: - Use

  /// ln of the density (of the mass, on coarse grids) at a point.
  mutating func logDensity(at point: [Double]) -> Double {
    sums = base
    for (d, column) in columns.enumerated() { add(column, axis: axes[d], entry: point[d]) }
    return sums.withUnsafeBufferPointer { logSumExp($0) } - log(totalWeight)
  }

  private mutating func add(_ column: Column, axis: Axis, entry: Double) {
    let prior = priorIndex
    sums.withUnsafeMutableBufferPointer { sums in
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
      case .cells(let grid, let indices, let classes):
        let cell = grid.cell(Int(entry))
        let table = classes.logMasses(lower: cell.lower, upper: cell.upper)
        for i in 0..<sums.count { sums[i] += table[Int(indices[i])] }
      case .categories(let indices, let equal, let other, _):
        let index = Int32(entry)
        for i in 0..<sums.count where i != prior {
          sums[i] += indices[i] == index ? equal : other
        }
      }
    }
  }

  /// A point of the mixture: one kernel by weight, then every axis from that kernel.
  func sample(using random: inout RandomSource) -> [Double] {
    let target = random.uniform() * totalWeight
    var low = 0
    var high = cumulativeWeights.count - 1
    while low < high {
      let middle = (low + high) / 2
      if cumulativeWeights[middle] > target { high = middle } else { low = middle + 1 }
    }
    return axes.indices.map { entry(axis: $0, kernel: low, using: &random) }
  }

  private func entry(
    axis d: Int, kernel i: Int, using random: inout RandomSource
  ) -> Double {
    func draw(_ center: Double, _ bandwidth: Double) -> Double {
      Normal.truncatedQuantile(
        random.uniformOpen(), mean: center, deviation: bandwidth, from: 0, to: 1)
    }
    switch columns[d] {
    case .normal(let centers, let inverses):
      let x = draw(centers[i], 1 / inverses[i])
      if case .grid(let grid) = axes[d] { return Double(grid.index(at: x)) }
      return x
    case .cells(let grid, let indices, let classes):
      let c = Int(indices[i])
      return Double(grid.index(at: draw(classes.centers[c], classes.bandwidths[c])))
    case .categories(let indices, let equal, _, let count):
      let own = Int(indices[i])
      if own < 0 { return Double(random.uniform(below: count)) }
      if count == 1 || random.uniform() < exp(equal) { return Double(own) }
      let other = random.uniform(below: count - 1)
      return Double(other < own ? other : other + 1)
    }
  }
}

/// The different kernels of a coarse grid axis: repeated values share a centre, and most of them a
/// bandwidth, so a mass is computed once and not once per observation.
private struct KernelClasses {
  private struct Key: Hashable {
    let center: Double
    let bandwidth: Double
  }

  private var known: [Key: Int32] = [:]
  private(set) var centers: [Double] = []
  private(set) var bandwidths: [Double] = []
  /// ln of the mass that the untruncated normal has in [0, 1].
  private var logTotals: [Double] = []

  mutating func index(center: Double, bandwidth: Double) -> Int32 {
    let key = Key(center: center, bandwidth: bandwidth)
    if let index = known[key] { return index }
    let index = Int32(centers.count)
    known[key] = index
    centers.append(center)
    bandwidths.append(bandwidth)
    logTotals.append(
      Normal.logMass(from: -center / bandwidth, to: (1 - center) / bandwidth))
    return index
  }

  /// ln of the share of each class in a cell.
  func logMasses(lower: Double, upper: Double) -> [Double] {
    centers.indices.map { c in
      Normal.logMass(
        from: (lower - centers[c]) / bandwidths[c], to: (upper - centers[c]) / bandwidths[c])
        - logTotals[c]
    }
  }
}

/// ln of the sum of exponentials, safe from overflow and underflow.
func logSumExp(_ values: UnsafeBufferPointer<Double>) -> Double {
  var high = -Double.infinity
  for value in values where value > high { high = value }
  guard high > -.infinity else { return -.infinity }
  var sum = 0.0
  // What is 40 below the largest does not reach the last digit.
  for value in values where value > high - 40 { sum += exp(value - high) }
  return high + log(sum)
}
