// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// One axis of the unit cube as a model sees it.
///
/// A point has one number per axis: the coordinate u in [0, 1] on a continuous axis, the index of
/// the value on every other one. So a point is feasible by construction; there is nothing to round.
///
/// Points are the same when their numbers are. A coordinate that has been out as a text comes back
/// with other last bits, so continuous ones are multiples of ``resolution``.
enum ModelAxis: Sendable {
  case continuous
  /// Few ordered values, each as likely as any other; `positions` are their coordinates in [0, 1],
  /// ascending.
  case grid(positions: [Double])
  /// Ordered values that are many, or not evenly likely: a value stands at the centre of its cell,
  /// and a uniform u draws the one whose cell it falls into.
  case cells(GridAxis)
  /// Values without order.
  case categorical(count: Int)

  /// The distance of neighbouring coordinates on a continuous axis: far below what any objective
  /// tells apart, far above the noise of writing and reading numbers.
  static let resolution = 0x1p-40

  /// How many values the axis has; nil where it is continuous.
  var count: Int? {
    switch self {
    case .continuous: nil
    case .grid(let positions): positions.count
    case .cells(let grid): grid.count
    case .categorical(let count): count
    }
  }

  var isCategorical: Bool {
    if case .categorical = self { return true }
    return false
  }

  /// The coordinate of a point's number: in [0, 1], or the index itself on a categorical axis.
  func coordinate(of value: Double) -> Double {
    switch self {
    case .continuous: return value
    case .grid(let positions): return positions[index(value, below: positions.count)]
    case .cells(let grid): return grid.center(index(value, below: grid.count))
    case .categorical: return value
    }
  }

  /// The feasible number nearest to a coordinate in [0, 1]; not for categorical axes.
  func nearest(to coordinate: Double) -> Double {
    switch self {
    case .continuous:
      return (min(max(coordinate, 0), 1) / ModelAxis.resolution).rounded() * ModelAxis.resolution
    case .grid(let positions):
      // Binary search for the first position at or above, then the closer of two neighbours.
      var low = 0
      var high = positions.count - 1
      while low < high {
        let middle = (low + high) / 2
        if positions[middle] < coordinate { low = middle + 1 } else { high = middle }
      }
      if low > 0 && coordinate - positions[low - 1] <= positions[low] - coordinate { low -= 1 }
      return Double(low)
    case .cells(let grid): return Double(grid.index(at: coordinate))
    case .categorical: return coordinate
    }
  }

  /// The number that a uniform u in [0, 1) stands for under the declared prior.
  func value(atUniform u: Double) -> Double {
    switch self {
    case .continuous, .cells: return nearest(to: u)
    case .grid(let positions): return evenly(u, among: positions.count)
    case .categorical(let count): return evenly(u, among: count)
    }
  }

  private func evenly(_ u: Double, among count: Int) -> Double {
    Double(index((u * Double(count)).rounded(.down), below: count))
  }

  private func index(_ value: Double, below count: Int) -> Int {
    value > 0 ? min(Int(min(value, 0x1p53)), count - 1) : 0
  }
}

/// Many points in model coordinates, axis after axis: coordinate d of point i stands at
/// `coordinates[d * count + i]`, so that one axis of all points is contiguous.
struct PointSet: Sendable {
  let count: Int
  let dimension: Int
  var coordinates: [Double]

  init(_ points: [[Double]], on axes: [ModelAxis]) {
    count = points.count
    dimension = axes.count
    coordinates = [Double](repeating: 0, count: points.count * axes.count)
    for (d, axis) in axes.enumerated() {
      for (i, point) in points.enumerated() {
        coordinates[d * points.count + i] = axis.coordinate(of: point[d])
      }
    }
  }

  /// One point that is already in model coordinates.
  init(coordinatesOfOne coordinates: [Double]) {
    count = 1
    dimension = coordinates.count
    self.coordinates = coordinates
  }

  private init(count: Int, dimension: Int, coordinates: [Double]) {
    self.count = count
    self.dimension = dimension
    self.coordinates = coordinates
  }

  func coordinates(of point: Int) -> [Double] {
    (0..<dimension).map { coordinates[$0 * count + point] }
  }

  func appending(_ point: [Double]) -> PointSet {
    var all: [Double] = []
    all.reserveCapacity((count + 1) * dimension)
    for d in 0..<dimension {
      all.append(contentsOf: coordinates[d * count..<(d + 1) * count])
      all.append(point[d])
    }
    return PointSet(count: count + 1, dimension: dimension, coordinates: all)
  }
}
