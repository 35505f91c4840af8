// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Points of one search space, row after row in one array.
///
/// An entry of a point is a coordinate of the unit interval on a continuous axis, the index of a
/// value on a grid or categorical axis (a whole number as Double).
public struct PointList: Sendable, Equatable {
  public let dimension: Int
  public private(set) var count = 0
  /// `count * dimension` entries.
  public private(set) var values: [Double] = []

  public init(dimension: Int) { self.dimension = dimension }

  public init(dimension: Int, points: [[Double]]) {
    self.dimension = dimension
    values.reserveCapacity(points.count * dimension)
    for point in points { append(point) }
  }

  /// - Precondition: the point has `dimension` entries.
  public mutating func append(_ point: [Double]) {
    precondition(point.count == dimension, "a point has one entry per axis")
    values.append(contentsOf: point)
    count += 1
  }

  public subscript(point: Int, axis: Int) -> Double { values[point * dimension + axis] }

  public subscript(point: Int) -> [Double] {
    Array(values[point * dimension..<(point + 1) * dimension])
  }
}

/// What an engine knows of an experiment: points and numbers, no trials.
public struct EngineHistory: Sendable {
  /// Finished and failed points in the order in which they ended.
  public var evaluated: PointList
  /// One value per evaluated point, to be minimised; not finite means that the point failed.
  public var objectives: [Double]
  /// Points under evaluation.
  public var pending: PointList

  public init(evaluated: PointList, objectives: [Double], pending: PointList) {
    precondition(evaluated.count == objectives.count, "one objective per evaluated point")
    self.evaluated = evaluated
    self.objectives = objectives
    self.pending = pending
  }
}
