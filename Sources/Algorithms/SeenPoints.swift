// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The points that need not be tried (again): every trial of this Experiment in the history, whatever
/// became of it, and what this reply already holds.
struct SeenPoints {
  private let space: SearchSpace
  private var keys: Set<PointKey>
  /// True where every parameter has finitely many values.
  let spaceIsFinite: Bool
  /// True once a whole walk has found nothing unseen: points only ever become seen.
  private(set) var isExhausted = false

  /// - Parameter own: the trials of this Experiment; nil: all.
  init(_ request: SuggestionRequest, own: [Int]? = nil) {
    var keys = Set<PointKey>()
    if !request.history.isEmpty {
      keys.reserveCapacity(request.history.count + request.count)
      let all = request.space.keys(request.history)
      if let own { keys.formUnion(own.lazy.map { all[$0] }) } else { keys.formUnion(all) }
    }
    self.init(space: request.space, keys: keys)
    for readings in request.alreadyInReply { self.keys.insert(space.key(readings: readings)) }
  }

  /// The points of a space of one's own, for example without a parameter that the algorithm sets.
  init(space: SearchSpace, keys: Set<PointKey>) {
    self.space = space
    self.keys = keys
    spaceIsFinite = space.isFinite
  }

  var count: Int { keys.count }

  func contains(_ coordinates: [Double]) -> Bool {
    !keys.isEmpty && keys.contains(space.key(coordinates: coordinates))
  }

  /// - Returns: false when the point was there before.
  @discardableResult
  mutating func insert(_ coordinates: [Double]) -> Bool {
    keys.insert(space.key(coordinates: coordinates)).inserted
  }

  /// The first unseen point from `coordinates` on in the space's own counting order (last
  /// parameter fastest, wrapping around); nil when every point has been seen, and in a space with
  /// a continuous parameter, where there is nothing to count.
  ///
  /// Of any `count + 1` points in a row at least one is unseen, so that many steps are enough in a
  /// space of any size.
  mutating func firstUnseen(from coordinates: [Double]) -> [Double]? {
    guard spaceIsFinite, !isExhausted else { return nil }
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
    isExhausted = true
    return nil
  }
}

extension SearchSpace {
  /// Whether every parameter has finitely many values, so that points can be used up.
  var isFinite: Bool { parameters.allSatisfy { $0.cardinality != nil } }
}
