// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// New configurations for base rungs: drawn at random, or from a model of what has finished.
///
/// Falkner, Klein and Hutter, "BOHB: robust and efficient hyperparameter optimization at scale",
/// ICML 2018: the model sees the results of the largest resource on which there are enough, and a
/// share of the configurations stays random, so that Hyperband's guarantees hold. The model here is
/// that of `tpe`.
///
/// What surprises: a configuration that runs on a higher rung than the model's counts neither as
/// pending nor as bad. It is there because it was good. One that failed on a lower rung does count:
/// it will never have a result on the model's.
struct BaseConfigurations {
  enum Sampler: String, CaseIterable, Sendable {
    case model, random
  }

  /// The share of random configurations next to the model's.
  static let randomShare = 1.0 / 3

  private let request: SuggestionRequest
  private let model: ModelSpace
  private let history: EngineHistory
  private let sampler: Sampler

  init(_ request: SuggestionRequest, _ ledger: RungLedger, model: ModelSpace, sampler: Sampler) {
    self.request = request
    self.model = model
    let level = BaseConfigurations.modelLevel(
      request.history, ledger.levels, atLeast: model.axes.count + 2)
    self.sampler = level == nil ? .random : sampler
    history = BaseConfigurations.history(request, ledger, model, level: level)
  }

  /// The highest level with enough results.
  private static func modelLevel(
    _ history: History, _ levels: [Int?], atLeast least: Int
  ) -> Int? {
    var finished: [Int: Int] = [:]
    for (trial, level) in levels.enumerated() {
      if let level, history.role(trial) == .finished { finished[level, default: 0] += 1 }
    }
    return finished.filter { $0.value >= least }.keys.max()
  }

  /// The results of one level and the failures up to it, unless those are of chance; everything else
  /// is avoided, and pending while nothing is known.
  private static func history(
    _ request: SuggestionRequest, _ ledger: RungLedger, _ model: ModelSpace, level: Int?
  ) -> EngineHistory {
    let history = request.history
    let sign = request.experiment.objective.direction == .maximize ? -1.0 : 1.0
    let ignoresFailures = request.settings[CommonSettings.failedTrials] == .ignore
    var fresh: Set<Int> = []
    for configuration in ledger.configurations where configuration.outcomes.count == 1 {
      if let source = configuration.source { fresh.insert(source) }
    }
    var evaluated = PointList(dimension: model.axes.count)
    var objectives: [Double] = []
    var pending = PointList(dimension: model.axes.count)
    var avoided = PointList(dimension: model.axes.count)
    func isFailure(onLevel own: Int) -> Bool {
      if !ignoresFailures, let level { own <= level } else { false }
    }
    // Failures, by their number among what is evaluated.
    var failures = LoneFailures(axes: model.axes)
    var places: [Int: Int] = [:]
    func fail(_ point: [Double], onLevel own: Int) {
      places[failures.count] = evaluated.count
      failures.add(point, hasFailed: true, level: own)
      evaluated.append(point)
      objectives.append(.nan)
    }
    for trial in history.names.indices {
      // Without a level it is not of this Experiment, or has no part in it.
      guard let own = ledger.levels[trial],
        let point = model.point(readings: { history.readings[$0][trial] })
      else { continue }
      switch history.role(trial) {
      case .finished:
        failures.add(point, hasFailed: false, level: own)
        guard own == level else {
          avoided.append(point)
          continue
        }
        evaluated.append(point)
        objectives.append(sign * history.objectives[trial])
      case .failed where isFailure(onLevel: own): fail(point, onLevel: own)
      case .pending where fresh.contains(trial): pending.append(point)
      default: avoided.append(point)
      }
    }
    for (point, own) in hiddenPoints(request, ledger, model) {
      if isFailure(onLevel: own) { fail(point, onLevel: own) } else { avoided.append(point) }
    }
    var known = EngineHistory(
      evaluated: evaluated, objectives: objectives, pending: pending, avoided: avoided)
    known.forgive(failures.indices.compactMap { places[$0] })
    return known
  }

  /// Where hidden trials ran, each with its level: a new configuration by the record of open issues,
  /// a promoted one by its trials on lower rungs.
  private static func hiddenPoints(
    _ request: SuggestionRequest, _ ledger: RungLedger, _ model: ModelSpace
  ) -> [(point: [Double], level: Int)] {
    guard !ledger.hidden.isEmpty else { return [] }
    var sources: [ConfigurationIdentity: Int] = [:]
    for configuration in ledger.configurations {
      sources[configuration.identity] = configuration.source
    }
    return ledger.hidden.compactMap { issue in
      let recorded = PointText.point(issue.point, axes: model.axes)
      let point =
        recorded
        ?? sources[issue.identity].flatMap { source in
          model.point(readings: { request.history.readings[$0][source] })
        }
      return point.map { ($0, issue.level) }
    }
  }

  /// One point of the model space for each index of an issue.
  /// - Parameter others: points that the reply holds already.
  func points(indices: [Int], others: [[Double]]) throws -> [[Double]] {
    guard !model.axes.isEmpty else { return Array(repeating: [], count: indices.count) }
    var known = history
    for point in others { known.pending.append(point) }
    var visited = VisitedPoints(axes: model.axes, history: known)
    var points = [[Double]](repeating: [], count: indices.count)
    var modelled: [Int] = []
    for (i, index) in indices.enumerated() {
      try request.checkCancellation()
      var random = RandomSource(
        seed: request.seed, purpose: "base configuration", index: UInt64(index))
      if sampler == .model, random.uniform() >= BaseConfigurations.randomShare {
        modelled.append(i)
        continue
      }
      let draw = model.axes.map { BaseConfigurations.draw($0, using: &random) }
      points[i] = visited.unseen(near: draw, using: &random)
      visited.insert(points[i])
      known.pending.append(points[i])
    }
    guard !modelled.isEmpty else { return points }
    var settings = TPEEngine.Settings()
    settings.startupCount = 0
    settings.seed = request.seed
    let (axes, seed) = (model.axes, request.seed)
    // Only for what is asked for beyond what the model makes in one request.
    let engine = TPEEngine(axes: axes, settings: settings) { index in
      var random = RandomSource(
        seed: seed, purpose: "base configuration overflow", index: UInt64(index))
      return axes.map { _ in random.uniform() }
    }
    let suggested = try engine.suggest(
      indices: modelled.map { indices[$0] }, history: known,
      checkCancellation: request.checkCancellation)
    for (place, i) in modelled.enumerated() { points[i] = suggested[place] }
    return points
  }

  private static func draw(_ axis: Axis, using random: inout RandomSource) -> Double {
    let u = random.uniform()
    return switch axis {
    case .continuous: u
    case .grid(let grid): Double(grid.index(at: u))
    case .categorical(let count): Double(GridAxis(count: count).index(at: u))
    }
  }
}
