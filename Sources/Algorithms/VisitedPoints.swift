// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// The points that must not be suggested again, and the way out when a proposal is one of them.
///
/// A space of grid and categorical axes alone can run out of points. The search for an unseen one
/// is exact: neighbours of the proposal first, then the whole space in index order from a random
/// start, which meets an unseen point after at most as many steps as there are seen ones.
struct VisitedPoints {
  private var points: Set<[Double]> = []
  let axes: [Axis]
  /// Number of points of the space; nil when it is infinite or beyond 2^53.
  let size: Int?

  init(axes: [Axis], lists: [PointList]) {
    self.axes = axes
    size = VisitedPoints.size(of: axes)
    points.reserveCapacity(lists.reduce(0) { $0 + $1.count })
    for list in lists {
      for i in 0..<list.count { points.insert(list[i]) }
    }
  }

  private static func size(of axes: [Axis]) -> Int? {
    var product = 1.0
    for axis in axes {
      switch axis {
      case .continuous: return nil
      case .grid(let grid): product *= Double(grid.count)
      case .categorical(let count): product *= Double(count)
      }
    }
    return product < 0x1p53 ? Int(product) : nil
  }

  /// Whether every point of the space has been seen.
  var isExhausted: Bool {
    guard let size else { return false }
    return points.count >= size
  }

  func contains(_ point: [Double]) -> Bool { points.contains(point) }

  mutating func insert(_ point: [Double]) { points.insert(point) }

  /// The point itself when it is new, else an unseen one near it; any point once all are seen.
  func unseen(near point: [Double], using random: inout RandomSource) -> [Double] {
    if !points.contains(point) || isExhausted { return point }
    // Move one axis, then two, then more: by one value on a grid, to any category, a little on
    // the continuous ones.
    for attempt in 0..<(16 * axes.count + 64) {
      var moved = point
      let moves = 1 + attempt / (8 * axes.count + 16)
      for _ in 0..<moves {
        let d = random.uniform(below: axes.count)
        moved[d] = step(axes[d], from: moved[d], using: &random)
      }
      if !points.contains(moved) { return moved }
    }
    return firstUnseen(using: &random) ?? point
  }

  private func step(_ axis: Axis, from entry: Double, using random: inout RandomSource) -> Double {
    switch axis {
    case .continuous:
      return min(max(entry + 0.1 * (random.uniform() - 0.5), 0), 1)
    case .grid(let grid):
      let reach = max(1, grid.count / 50)
      let shift = Double(1 + random.uniform(below: reach))
      let moved = random.uniform() < 0.5 ? entry - shift : entry + shift
      return min(max(moved, 0), Double(grid.count - 1))
    case .categorical(let count):
      return Double(random.uniform(below: count))
    }
  }

  private func firstUnseen(using random: inout RandomSource) -> [Double]? {
    guard let size else { return nil }
    let start = random.uniform(below: size)
    for offset in 0...min(points.count, size - 1) {
      let candidate = point(number: (start + offset) % size)
      if !points.contains(candidate) { return candidate }
    }
    return nil
  }

  /// Mixed-radix digits of a number below `size`, the last axis fastest.
  private func point(number: Int) -> [Double] {
    var rest = number
    var point = [Double](repeating: 0, count: axes.count)
    for d in axes.indices.reversed() {
      let radix: Int
      switch axes[d] {
      case .continuous: radix = 1
      case .grid(let grid): radix = grid.count
      case .categorical(let count): radix = count
      }
      point[d] = Double(rest % radix)
      rest /= radix
    }
    return point
  }
}
