// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

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
  /// Seconds that the evaluated points took, NaN where unknown; empty when nobody asked.
  public var durations: [Double] = []
  /// Points under evaluation.
  public var pending: PointList
  /// Points that teach nothing and are not suggested again.
  public var avoided: PointList

  /// - Parameter avoided: none when nil.
  public init(
    evaluated: PointList, objectives: [Double], pending: PointList, avoided: PointList? = nil
  ) {
    precondition(evaluated.count == objectives.count, "one objective per evaluated point")
    self.evaluated = evaluated
    self.objectives = objectives
    self.pending = pending
    self.avoided = avoided ?? PointList(dimension: evaluated.dimension)
  }

  /// Adds the points of trials of which nothing came back: they failed.
  mutating func add(vanished points: PointList, isIgnored: Bool) {
    for i in 0..<points.count {
      guard !isIgnored else {
        avoided.append(points[i])
        continue
      }
      evaluated.append(points[i])
      objectives.append(.nan)
      if !durations.isEmpty { durations.append(.nan) }
    }
  }

  /// The same history with every entry feasible: histories from elsewhere may lack an assignment
  /// (NaN: the middle of the axis) or hold one outside the range (the nearest end).
  func repaired(axes: [Axis]) -> EngineHistory {
    var copy = self
    copy.evaluated.repair(axes)
    copy.pending.repair(axes)
    copy.avoided.repair(axes)
    return copy
  }
}

extension PointList {
  fileprivate mutating func repair(_ axes: [Axis]) {
    for i in 0..<count {
      for (d, axis) in axes.enumerated() {
        let place = i * dimension + d
        let entry = values[place]
        let last = axis.count.map { Double($0 - 1) }
        let fixed: Double
        if entry.isNaN {
          fixed = last.map { ($0 / 2).rounded(.down) } ?? 0.5
        } else {
          fixed = min(max(last == nil ? entry : entry.rounded(), 0), last ?? 1)
        }
        if fixed != entry { values[place] = fixed }
      }
    }
  }
}
