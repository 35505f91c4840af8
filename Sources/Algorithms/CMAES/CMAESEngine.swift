// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Numerics

/// CMA-ES over the unit cube, rebuilt from the evaluated points on every call.
///
/// Hansen's active CMA-ES (`CovarianceAdaptation`) with a margin for grid axes (`Margin`), CatCMA's
/// probabilities for categorical ones (`CategoryDistribution`) and IPOP or BIPOP restarts, all
/// replayed in `EvolutionReplay`. The suggestion at index p is a function of (seed, p, points):
/// nothing is remembered, any parallelism is welcome, and every result counts, also those that
/// come late or from another program.
///
/// What surprises: the samples are not evaluated as they come. Once some points are known, each
/// suggestion is the most promising of `candidates` samples by a small local Gaussian process
/// (`Screening`). That is where most of the sample efficiency at budgets below a thousand comes
/// from; the strategy itself then sees the chosen points as it would see any.
public struct CMAESEngine: Sendable {
  public enum Restart: String, Sendable, CaseIterable {
    case none, ipop, bipop
  }

  public struct Settings: Sendable {
    /// First step size in units of the cube's side, in (0, 0.5].
    public var sigma = 1.0 / 6
    public var restart = Restart.none
    public var seed: UInt64 = 0
    /// Population size of the first run; nil: 4 + floor(3 ln n).
    public var population: Int?
    /// Samples among which the surrogate chooses; below 2 there is no surrogate.
    public var candidates = 100

    public init() {}
  }

  /// Samples drawn until one is inside the cube and new.
  private static let mostResamples = 100

  public let axes: [Axis]
  public let settings: Settings

  /// - Parameters:
  ///   - axes: at least one.
  ///   - settings: what the Experiment may set.
  public init(axes: [Axis], settings: Settings) {
    self.axes = axes
    var settings = settings
    settings.sigma = settings.sigma > 0 ? min(max(settings.sigma, 1e-6), 0.5) : 1.0 / 6
    self.settings = settings
  }

  /// - Parameters:
  ///   - count: the number of points wanted.
  ///   - indices: the numbers of the suggestions wanted, each of which picks its random stream.
  ///   - history: evaluated points in the order in which they ended, and pending ones.
  ///   - checkCancellation: called between expensive steps; what it throws is passed on.
  /// - Returns: a point for each index, different from each other and from the history while the space
  ///   has such points.
  public func suggest(
    indices: [Int], history: EngineHistory,
    checkCancellation: () throws -> Void = {}
  ) throws -> PointList {
    let history = history.repaired(axes: axes)
    var replay = EvolutionReplay(axes: axes, settings: settings)
    for i in 0..<history.evaluated.count {
      if i % 64 == 0 { try checkCancellation() }
      replay.tell(history.evaluated[i], objective: history.objectives[i])
    }
    var visited = VisitedPoints(axes: axes, history: history)
    try checkCancellation()
    var screening =
      settings.candidates > 1 ? Screening(replay: replay, history: history) : nil
    var chosen = PointList(dimension: axes.count)
    for (slot, index) in indices.enumerated() {
      try checkCancellation()
      let isScreened = slot < AlgorithmLimits.screenedSuggestions
      let point =
        (isScreened ? screening : nil)?.choose(
          among: settings.candidates, index: index, replay: replay, visited: visited)
        ?? sample(index: index, replay: replay, visited: visited)
      screening?.believe(point, replay: replay)
      visited.insert(point)
      chosen.append(point)
    }
    return chosen
  }

  /// The plain sample at an index: the mean itself first, then mirrored pairs m + d, m - d.
  private func sample(
    index: Int, replay: EvolutionReplay, visited: VisitedPoints
  ) -> [Double] {
    let n = replay.numeric.count
    var categoryRandom = RandomSource(
      seed: settings.seed, purpose: "cmaes category", index: UInt64(index))
    var random = RandomSource(
      seed: settings.seed, purpose: "cmaes sample", index: UInt64((index + 1) / 2))
    if index == 0 {
      let zero = [Double](repeating: 0, count: n)
      let (point, _) = replay.point(zero, categoryRandom: &categoryRandom)
      if !visited.contains(point) { return point }
    }
    let sign = index % 2 == 0 ? -1.0 : 1.0
    var last: [Double] = []
    for _ in 0..<CMAESEngine.mostResamples {
      let z = (0..<n).map { _ in sign * Normal.variate(using: &random) }
      let (point, inside) = replay.point(z, categoryRandom: &categoryRandom)
      last = point
      if inside, !visited.contains(point) { return point }
    }
    return visited.unseen(near: last, using: &random)
  }
}
