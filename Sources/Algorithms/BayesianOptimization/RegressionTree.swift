// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// A regression tree over mixed axes (Breiman, Friedman, Olshen and Stone, Classification and
/// Regression Trees, 1984): splits minimise the squared error.
///
/// On ordered axes a split is a threshold; on categorical axes it sets one category apart from the
/// others, so that no order is invented.
struct RegressionTree: Sendable {
  struct Configuration: Sendable {
    var minimumLeaf = 3
    var maximumDepth = 32
    /// Thresholds drawn at random instead of the best one (Geurts, Ernst and Wehenkel, "Extremely
    /// randomized trees", 2006).
    var drawsThresholds = false
    /// Axes tried per split; fewer than there are: a random choice.
    var axesPerSplit = Int.max
  }

  private struct Node: Sendable {
    /// −1 in a leaf.
    var axis = -1
    var threshold = 0.0
    var left = 0
    var right = 0
    /// Mean and variance of the targets below, or whatever the leaf rule makes of them.
    var value = 0.0
    var variance = 0.0
  }

  private var nodes: [Node] = []
  private let isCategorical: [Bool]

  /// - Parameters:
  ///   - rows: indices into points and targets, repeated ones count repeatedly; at least one.
  init(
    points: PointSet, targets: [Double], rows: [Int], isCategorical: [Bool],
    configuration: Configuration, random: inout RandomSource
  ) {
    self.isCategorical = isCategorical
    var rows = rows
    var builder = Builder(
      points: points, targets: targets, isCategorical: isCategorical, configuration: configuration)
    // A stack instead of recursion: (node, first row, end, depth).
    nodes.append(Node())
    var open = [(0, 0, rows.count, 0)]
    while let (node, first, end, depth) = open.popLast() {
      let (mean, variance) = builder.moments(rows[first..<end])
      nodes[node].value = mean
      nodes[node].variance = variance
      guard depth < configuration.maximumDepth, variance > 0,
        let split = builder.split(rows[first..<end], &random)
      else { continue }
      let middle = rows[first..<end].partition { row in
        !isLeft(points.coordinates[split.axis * points.count + row], split.axis, split.threshold)
      }
      nodes[node].axis = split.axis
      nodes[node].threshold = split.threshold
      nodes[node].left = nodes.count
      nodes[node].right = nodes.count + 1
      nodes.append(Node())
      nodes.append(Node())
      open.append((nodes.count - 2, first, middle, depth + 1))
      open.append((nodes.count - 1, middle, end, depth + 1))
    }
  }

  private func isLeft(_ x: Double, _ axis: Int, _ threshold: Double) -> Bool {
    isCategorical[axis] ? x == threshold : x <= threshold
  }

  private func leaf(_ points: PointSet, _ row: Int) -> Int {
    var node = 0
    while nodes[node].axis >= 0 {
      let axis = nodes[node].axis
      let x = points.coordinates[axis * points.count + row]
      node = isLeft(x, axis, nodes[node].threshold) ? nodes[node].left : nodes[node].right
    }
    return node
  }

  /// Mean and variance of the leaf that holds a point.
  func predict(_ points: PointSet, _ row: Int) -> (value: Double, variance: Double) {
    let leaf = nodes[leaf(points, row)]
    return (leaf.value, leaf.variance)
  }

  /// Replaces every leaf's value by a function of the rows that fall into it.
  mutating func relabel(_ points: PointSet, rows: [Int], value: ([Int]) -> Double) {
    var members: [Int: [Int]] = [:]
    for row in rows { members[leaf(points, row), default: []].append(row) }
    for (leaf, rows) in members { nodes[leaf].value = value(rows) }
  }
}

/// Finds splits.
private struct Builder {
  let points: PointSet
  let targets: [Double]
  let isCategorical: [Bool]
  let configuration: RegressionTree.Configuration
  private var sorted: [(x: Double, y: Double)] = []

  init(
    points: PointSet, targets: [Double], isCategorical: [Bool],
    configuration: RegressionTree.Configuration
  ) {
    self.points = points
    self.targets = targets
    self.isCategorical = isCategorical
    self.configuration = configuration
  }

  func moments(_ rows: ArraySlice<Int>) -> (Double, Double) {
    let n = Double(rows.count)
    let mean = rows.reduce(0) { $0 + targets[$1] / n }
    let variance = rows.reduce(0) { $0 + (targets[$1] - mean) * (targets[$1] - mean) / n }
    return (mean, variance)
  }

  /// The best split over the axes that are tried; nil where none leaves enough on both sides.
  mutating func split(
    _ rows: ArraySlice<Int>, _ random: inout RandomSource
  ) -> (axis: Int, threshold: Double)? {
    guard rows.count >= 2 * configuration.minimumLeaf else { return nil }
    var axes = Array(isCategorical.indices)
    if configuration.axesPerSplit < axes.count {
      axes.shuffle(using: &random)
      axes = Array(axes.prefix(max(1, configuration.axesPerSplit)))
    }
    var best: (gain: Double, axis: Int, threshold: Double)?
    for axis in axes {
      sorted.removeAll(keepingCapacity: true)
      for row in rows {
        sorted.append((points.coordinates[axis * points.count + row], targets[row]))
      }
      let found =
        isCategorical[axis] ? categoricalSplit(&random) : orderedSplit(&random)
      if let found, best.map({ found.gain > $0.gain }) ?? true {
        best = (found.gain, axis, found.threshold)
      }
    }
    return best.map { ($0.axis, $0.threshold) }
  }

  /// Between-group sum of squares: the larger, the smaller the squared error that is left.
  private func gain(_ count: Int, _ sum: Double, of n: Int, _ total: Double) -> Double {
    sum * sum / Double(count) + (total - sum) * (total - sum) / Double(n - count)
  }

  private mutating func orderedSplit(
    _ random: inout RandomSource
  ) -> (gain: Double, threshold: Double)? {
    let n = sorted.count
    let least = configuration.minimumLeaf
    let total = sorted.reduce(0) { $0 + $1.y }
    if configuration.drawsThresholds {
      let low = sorted.min { $0.x < $1.x }?.x ?? 0
      let high = sorted.max { $0.x < $1.x }?.x ?? 0
      guard low < high else { return nil }
      let threshold = low + (high - low) * random.uniform()
      var count = 0
      var sum = 0.0
      for (x, y) in sorted where x <= threshold {
        count += 1
        sum += y
      }
      guard count >= least && n - count >= least else { return nil }
      return (gain(count, sum, of: n, total), threshold)
    }
    sorted.sort { $0.x != $1.x ? $0.x < $1.x : $0.y < $1.y }
    var best: (gain: Double, threshold: Double)?
    var sum = 0.0
    for i in 0..<n - 1 {
      sum += sorted[i].y
      guard i + 1 >= least, n - i - 1 >= least, sorted[i].x < sorted[i + 1].x else { continue }
      let value = gain(i + 1, sum, of: n, total)
      if best.map({ value > $0.gain }) ?? true {
        best = (value, 0.5 * (sorted[i].x + sorted[i + 1].x))
      }
    }
    return best
  }

  private mutating func categoricalSplit(
    _ random: inout RandomSource
  ) -> (gain: Double, threshold: Double)? {
    var groups: [Double: (count: Int, sum: Double)] = [:]
    var total = 0.0
    for (x, y) in sorted {
      groups[x, default: (0, 0)].count += 1
      groups[x, default: (0, 0)].sum += y
      total += y
    }
    var categories = groups.keys.sorted()
    if configuration.drawsThresholds {
      categories = [categories[random.uniform(below: categories.count)]]
    }
    var best: (gain: Double, threshold: Double)?
    for category in categories {
      guard let group = groups[category], group.count >= configuration.minimumLeaf,
        sorted.count - group.count >= configuration.minimumLeaf
      else { continue }
      let value = gain(group.count, group.sum, of: sorted.count, total)
      if best.map({ value > $0.gain }) ?? true { best = (value, category) }
    }
    return best
  }
}
