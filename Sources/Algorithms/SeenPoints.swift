// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The points that need not be tried (again): every trial of the history, whatever became of it,
/// and what this reply already holds.
struct SeenPoints {
  private let space: SearchSpace
  private var keys: Set<PointKey>

  init(_ request: SuggestionRequest) {
    space = request.space
    let history = request.history
    keys = Set(minimumCapacity: history.count + request.count)
    for trial in 0..<history.count {
      keys.insert(space.key(readings: history.readings.lazy.map { $0[trial] }))
    }
    for readings in request.alreadyInReply { keys.insert(space.key(readings: readings)) }
  }

  var count: Int { keys.count }

  func contains(_ coordinates: [Double]) -> Bool {
    keys.contains(space.key(coordinates: coordinates))
  }

  /// - Returns: false when the point was there before.
  @discardableResult
  mutating func insert(_ coordinates: [Double]) -> Bool {
    keys.insert(space.key(coordinates: coordinates)).inserted
  }

  /// The first unseen point from `coordinates` on in the space's own counting order (last
  /// parameter fastest, wrapping around), or nil when every point has been seen.
  ///
  /// Only for spaces without a continuous parameter. Of any `count + 1` points in a row at least
  /// one is unseen, so that many steps are enough in a space of any size.
  func firstUnseen(from coordinates: [Double]) -> [Double]? {
    let counts = space.parameters.map { $0.cardinality ?? 1 }
    var point = coordinates
    for _ in 0...keys.count {
      if !contains(point) { return point }
      var axis = counts.count - 1
      while axis >= 0 {
        point[axis] += 1
        if point[axis] < Double(counts[axis]) { break }
        point[axis] = 0
        axis -= 1
      }
    }
    return nil
  }
}
