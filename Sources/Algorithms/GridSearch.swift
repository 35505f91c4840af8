// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Every combination of the parameters' values once, in an order that covers the space early (see
/// `GridSearchOrder`).
///
/// What surprises: the position says only where to begin. Trials get deleted, so that numbers are
/// asked for again while later ones already stand in the history; so points that stand there, in
/// whatever condition, are passed over. Invisible trials are counted by the position and therefore
/// lie behind it. What was never issued comes first, then holes that the history shows, and only
/// when every combination stands in the history does the grid start over.
struct GridSearch: Algorithm {
  let name = "grid"
  let summary =
    "Tries every combination of the parameters' values once, in an order that covers the space "
    + "early. For small spaces that are to be searched completely; every DOUBLE needs a step."
  let seeding = Seeding.zero

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    try GridSearch.requireSteps(problem.space)
    guard let count = problem.space.cardinality, problem.experiment.maxTrialCount > count else {
      return
    }
    throw InvalidExperiment(
      "max_trial_count is \(problem.experiment.maxTrialCount), but the parameters have only "
        + "\(count) combinations: for grid it must be at most \(count)")
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    try GridSearch.requireSteps(request.space)
    guard let order = GridSearchOrder(request.space, seed: request.seed) else {
      throw InvalidExperiment("grid needs parameters with finitely many values")
    }
    let initialPoints = request.problem.initialReadings(
      position: 0, count: request.problem.initialPointCount, seed: request.seed
    ).map { readings in
      zip(request.space.parameters, readings).map { $0.coordinate(ofReading: $1) }
    }
    var walk = GridSearchWalk(
      order, seen: SeenPoints(request), initialPoints: initialPoints,
      position: UInt64(max(0, request.position - initialPoints.count)))
    var suggestions: [Suggestion] = []
    suggestions.reserveCapacity(request.count)
    for _ in 0..<request.count {
      try request.checkCancellation()
      suggestions.append(
        Suggestion(assignments: request.space.assignments(coordinates: walk.next())))
    }
    guard walk.repeats > 0, let count = order.count else {
      return SuggestionReply(suggestions: suggestions)
    }
    return SuggestionReply(
      suggestions: suggestions,
      notices: [
        "all \(count) combinations have been tried: grid starts over and suggests "
          + "\(walk.repeats) of them again"
      ])
  }

  private static func requireSteps(_ space: SearchSpace) throws(InvalidExperiment) {
    for parameter in space.parameters where parameter.cardinality == nil {
      throw InvalidExperiment(
        "parameter \(Quoted.text(parameter.name)): step is missing, grid needs a step for every "
          + "DOUBLE")
    }
  }
}

/// The walk of one request through the grid's order.
struct GridSearchWalk {
  private let order: GridSearchOrder
  private var seen: SeenPoints
  /// The initial points' places in the order, ascending. They are issued before the walk begins.
  private let initialIndices: [UInt64]
  private let initialIndexSet: Set<UInt64>
  private var phase: Phase
  private var cursor: UInt64
  /// The number of points issued by the walk, this request's included.
  private var issued: UInt64
  /// Points suggested although they had been seen.
  private(set) var repeats = 0
  /// Points looked at: at most twice the points seen, those suggested and the initial ones.
  private(set) var steps = 0

  private enum Phase {
    /// Points that were never issued: all from the position on.
    case fresh
    /// Points that were issued and no longer stand in the history.
    case holes
    case repeats
  }

  /// - Parameter position: the number of points that walks of earlier requests issued.
  init(
    _ order: GridSearchOrder, seen: SeenPoints, initialPoints: [[Double]], position: UInt64
  ) {
    self.order = order
    self.seen = seen
    initialIndexSet = Set(initialPoints.compactMap { order.index(of: $0) })
    initialIndices = initialIndexSet.sorted()
    issued = position
    phase = .fresh
    cursor = position
    for index in initialIndices where index <= cursor { cursor += 1 }
  }

  mutating func next() -> [Double] {
    defer { issued += 1 }
    while true {
      switch phase {
      case .fresh:
        guard order.count.map({ cursor < $0 }) ?? true else {
          (phase, cursor) = (.holes, 0)
          continue
        }
        if initialIndexSet.contains(cursor) {
          cursor += 1
          steps += 1
        } else if let point = visit() {
          return point
        }
      case .holes:
        guard let count = order.count, cursor < count else {
          phase = .repeats
          continue
        }
        if let point = visit() { return point }
      case .repeats:
        repeats += 1
        steps += 1
        return order.point(at: placeOfRepeat())
      }
    }
  }

  /// The point at the cursor, which moves on, if it is unseen; it is seen from then on.
  private mutating func visit() -> [Double]? {
    let point = order.point(at: cursor)
    cursor += 1
    steps += 1
    return seen.insert(point) ? point : nil
  }

  /// Rounds follow each other in the grid's order, the initial points left out like in the first.
  private func placeOfRepeat() -> UInt64 {
    guard let count = order.count else { return issued }
    let others = count - UInt64(initialIndices.count)
    guard others > 0 else { return issued % count }
    var index = issued % others
    for initial in initialIndices where initial <= index { index += 1 }
    return index
  }
}
