// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Between trials and an engine's points: the parameters that there is something to choose of.
///
/// Single-valued parameters leave the model; they come back when a point becomes assignments.
struct ModelSpace {
  let axes: [Axis]
  private let space: SearchSpace
  /// The position in the search space of each axis.
  let parameters: [Int]

  /// - Parameter excluded: the position of a parameter that the algorithm sets itself.
  init(_ space: SearchSpace, without excluded: Int? = nil) {
    self.space = space
    parameters = space.parameters.indices.filter {
      $0 != excluded && !space.parameters[$0].isConstant
    }
    axes = parameters.map { space.parameters[$0].axis }
  }

  /// What Katib is told of an engine's point.
  func assignments(_ point: [Double]) -> [Assignment] {
    var coordinates = Array(repeating: 0.0, count: space.dimension)
    for (axis, parameter) in parameters.enumerated() { coordinates[parameter] = point[axis] }
    return space.assignments(coordinates: coordinates)
  }

  /// The readings of an engine's point, one per parameter of the search space.
  func readings(_ point: [Double]) -> [Double] {
    var readings = space.parameters.map { $0.reading(ofCoordinate: 0) }
    for (axis, parameter) in parameters.enumerated() {
      readings[parameter] = space.parameters[parameter].reading(ofCoordinate: point[axis])
    }
    return readings
  }

  /// The point with these readings, or nil when one of them is missing or means nothing here.
  func point(readings: (_ parameter: Int) -> Double) -> [Double]? {
    var point: [Double] = []
    point.reserveCapacity(axes.count)
    for parameter in parameters {
      let coordinate = space.parameters[parameter].coordinate(ofReading: readings(parameter))
      guard !coordinate.isNaN else { return nil }
      point.append(coordinate)
    }
    return point
  }

  /// The history as an engine knows it: points and numbers to be minimised.
  ///
  /// A trial of another implementation that lacks an assignment has no place among the points and
  /// is left out. Failed trials are points that failed, or with `failed_trials` = ignore, like
  /// killed ones, points that are merely not suggested again. What the reply already holds counts
  /// as pending.
  /// - Parameter own: the trials of this Experiment, in the order in which the engine is to know
  ///   them; all others are those of a same-named one and tell nothing. nil: all trials, in canonical
  ///   order.
  /// - Parameter time: what was known then: what ended later counts as pending.
  func history(
    _ request: SuggestionRequest, own: [Int]? = nil, asOf time: Int64? = nil
  ) -> EngineHistory {
    let history = request.history
    let sign = request.experiment.objective.direction == .maximize ? -1.0 : 1.0
    let ignoresFailures = request.settings[CommonSettings.failedTrials] == .ignore
    var evaluated = PointList(dimension: axes.count)
    var objectives: [Double] = []
    var durations: [Double] = []
    var pending = PointList(dimension: axes.count)
    var avoided = PointList(dimension: axes.count)
    let trials = own ?? Array(0..<history.count)
    for trial in trials {
      guard let point = point(readings: { history.readings[$0][trial] }) else { continue }
      var role = history.role(trial)
      if role != .killed, history.eventTime(trial) > time ?? .max { role = .pending }
      switch role {
      case .finished:
        evaluated.append(point)
        objectives.append(sign * history.objectives[trial])
        durations.append(history.duration(trial) ?? .nan)
      case .failed where ignoresFailures: avoided.append(point)
      case .failed:
        evaluated.append(point)
        objectives.append(.nan)
        durations.append(.nan)
      case .pending: pending.append(point)
      case .killed: avoided.append(point)
      }
    }
    for readings in request.alreadyInReply {
      if let point = point(readings: { readings[$0] }) { pending.append(point) }
    }
    var known = EngineHistory(
      evaluated: evaluated, objectives: objectives, pending: pending, avoided: avoided)
    known.durations = durations
    return known
  }
}
