// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One parameter as an optimiser sees it: an axis of the unit cube.
///
/// A *coordinate* is what a point holds for an axis: on a continuous axis u in [0, 1]; on a grid
/// or categorical axis the index of the value, as a double. So a point is feasible by
/// construction, and two points are equal when their coordinates are.
public enum Axis: Sendable {
  /// u in [0, 1]; uniform in u is the declared prior.
  case continuous
  /// Ordered values, each owning a cell of [0, 1].
  case grid(GridAxis)
  /// Values without an order, 0 ..< count.
  case categorical(count: Int)

  /// The number of values, or nil on a continuous axis.
  public var count: Int? {
    switch self {
    case .continuous: nil
    case .grid(let grid): grid.count
    case .categorical(let count): count
    }
  }
}

/// The cells of an ordered, finite parameter in [0, 1].
///
/// Cell k is where u decodes to value k, so uniform u draws the declared prior. On a uniform grid
/// and on a list all cells are equally wide; on logarithmic and normal grids they are not. Nothing
/// is tabulated: a grid may have 10^15 values.
public struct GridAxis: Sendable {
  /// How many values, at least 2 (single values leave the model).
  public let count: Int
  private let grid: NumberGrid?
  private let prior: Prior?

  /// `count` cells of equal width.
  public init(count: Int) {
    self.count = count
    grid = nil
    prior = nil
  }

  init(_ grid: NumberGrid, _ prior: Prior?) {
    count = grid.count
    self.grid = prior == nil ? nil : grid
    self.prior = prior
  }

  /// Whether all cells are equally wide.
  public var isUniform: Bool { prior == nil }

  /// The model coordinate of value `index`, inside its cell.
  public func center(_ index: Int) -> Double {
    guard let grid, let prior else { return (Double(index) + 0.5) / Double(count) }
    return prior.unit(grid.value(at: index))
  }

  /// The cell of value `index`; the first begins at 0 and the last ends at 1.
  public func cell(_ index: Int) -> (lower: Double, upper: Double) {
    (
      index == 0 ? 0 : boundary(below: index),
      index == count - 1 ? 1 : boundary(below: index + 1)
    )
  }

  /// The index of the value whose cell holds `u`; u outside [0, 1] gives the ends.
  public func index(at u: Double) -> Int {
    guard let grid, let prior else {
      return min(max(Int((u * Double(count)).rounded(.down)), 0), count - 1)
    }
    return grid.index(nearest: prior.value(min(max(u, 0), 1)))
  }

  private func boundary(below index: Int) -> Double {
    guard let grid, let prior else { return Double(index) / Double(count) }
    return prior.unit((grid.value(at: index - 1) + grid.value(at: index)) / 2)
  }
}
