// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Every combination of the parameters' values once, in an order that covers the space early (see
/// `GridSearchOrder`).
///
/// Trials have names of ours, so that those of a same-named Experiment elsewhere are not taken for this
/// one's. A request shows the points of most trials; of the hidden ones (no metrics, or not yet created) it
/// tells only how many there are: as many as the position is ahead of the trials that show. They
/// are taken for the first points that do not show, and the next suggestion is the one behind them.
///
/// What surprises: that is all. Without deletions the points issued are the first of the order, so
/// the hidden ones are exactly those. When Katib lowers the parallelism it deletes the newest trials,
/// some of which may stand below others that stay; those holes lie near the end of what was issued,
/// behind most of the hidden ones, and are filled at once. Each one filled, hidden or not, leaves the
/// next in front. A walk from the position on would leave the holes behind and issue points ahead of
/// it, where it would forget the hidden ones. What cannot be known is which of the newest are hidden
/// and which were deleted: a hidden point that stood above a deleted one may come twice.
///
/// Only when every combination stands in the history does the grid start over.
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
    let names = IssueNames(request)
    var walk = GridSearchWalk(order, request, own: names.own)
    var suggestions: [Suggestion] = []
    suggestions.reserveCapacity(request.count)
    for _ in 0..<request.count {
      try request.checkCancellation()
      suggestions.append(
        Suggestion(assignments: request.space.assignments(coordinates: walk.next())))
    }
    names.name(&suggestions)
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
  private var phase = Phase.fresh
  private var cursor: UInt64
  /// The number of points issued by the walk, this request's included.
  private var issued: UInt64
  /// Points suggested although they had been seen.
  private(set) var repeats = 0
  /// Points looked at: at most twice the points seen, those suggested and the initial ones.
  private(set) var steps = 0

  private enum Phase {
    /// Points behind the hidden ones.
    case fresh
    /// The points before them that do not show.
    case holes
    case repeats
  }

  /// - Parameter own: the trials of this Experiment.
  init(_ order: GridSearchOrder, _ request: SuggestionRequest, own: [Int]) {
    self.order = order
    seen = SeenPoints(request, own: own)
    let initialPoints = request.problem.initialReadings(seed: request.seed).map { readings in
      zip(request.space.parameters, readings).map { $0.coordinate(ofReading: $1) }
    }
    let initialIndexSet = Set(initialPoints.compactMap { order.index(of: $0) })
    self.initialIndexSet = initialIndexSet
    initialIndices = initialIndexSet.sorted()
    let position = UInt64(max(0, request.position - initialPoints.count))
    issued = position

    // The trials that show, without those of initial points. One that is off the grid has no place
    // in the order, but it was counted like all others.
    let places = GridSearchWalk.places(request, order)
    let visible = own.map { places[$0] }
      .filter { index in index.map { !initialIndexSet.contains($0) } ?? true }
    // More may show than the position counts, after a decrease of parallelism.
    let shown = UInt64(visible.count)
    let hidden = shown > position ? position : position - shown
    let taken = initialIndexSet.union(visible.compactMap { $0 }).sorted()
    cursor = GridSearchWalk.gap(hidden, between: taken, count: order.count)
  }

  /// The place of each trial's point in the order; nil where it has none that a walk could reach.
  private static func places(_ request: SuggestionRequest, _ order: GridSearchOrder) -> [UInt64?] {
    let space = request.space
    return space.keys(request.history).enumerated().map { trial, key in
      let point = zip(space.parameters, request.history.readings(ofTrial: trial))
        .map { $0.coordinate(ofReading: $1) }
      guard !point.contains(where: \.isNaN), space.key(coordinates: point) == key else {
        return nil
      }
      return order.index(of: point)
    }
  }

  /// Number `rank` of the indices that are not in `places`, counted on from the first again behind
  /// the last; 0 when there is none.
  private static func gap(_ rank: UInt64, between places: [UInt64], count: UInt64?) -> UInt64 {
    let gaps = count.map { $0 - UInt64(places.count) }
    guard gaps != 0 else { return 0 }
    var index = gaps.map { rank % $0 } ?? rank
    for place in places where place <= index { index += 1 }
    return index
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
