// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Numerics

/// Tree-structured Parzen estimator over the unit cube; one engine for `tpe` and
/// `multivariate-tpe`.
///
/// Finished points are split into good and bad (`GoodBadSplit`); a mixture of product kernels is
/// put over each (`ParzenEstimator`); candidates are drawn from the good mixture l and judged by
/// ln l - ln g, the expected improvement of Bergstra et al. (NIPS 2011). Points under evaluation,
/// failed ones and those already chosen in this batch belong to the bad mixture g. Design after
/// Watanabe (arXiv 2304.11127), whose ablations set the constants.
///
/// What surprises: ln l - ln g alone knows of each point only whether it was good or bad. So where
/// there is a surrogate (`CandidateRanking`), candidates are judged by its lower confidence bound
/// plus a share of ln l - ln g.
public struct TPEEngine: Sendable {
  public struct Settings: Sendable {
    /// hyperopt's gamma: ceil(gamma sqrt n) good points; nil: ceil(0.15 n). At most 25 either way.
    public var gamma: Double?
    /// Weight of the prior's kernel, in mean weights of an observation.
    public var priorWeight = 1.0
    /// Candidates per suggestion.
    public var candidateCount = 24
    /// Suggestions that come from the start-up design.
    public var startupCount = 5
    public var seed: UInt64 = 0
    /// Whether a surrogate takes part in judging candidates.
    public var surrogate = true

    public init() {}
  }

  /// Finished points below which there is nothing to split.
  private static let leastFinished = 2
  /// Fresh draws in place of a candidate that has been seen.
  private static let mostRedraws = 10

  public let axes: [Axis]
  public let settings: Settings
  private let startup: @Sendable (Int) -> [Double]

  /// - Parameters:
  ///   - axes: at least one.
  ///   - startup: the start-up design: for a position, one u in [0, 1) per axis.
  public init(
    axes: [Axis], settings: Settings, startup: @escaping @Sendable (Int) -> [Double]
  ) {
    self.axes = axes
    self.settings = settings
    self.startup = startup
  }

  /// - Parameters:
  ///   - count: the number of points wanted.
  ///   - indices: the numbers of the suggestions wanted, each of which picks its random stream.
  ///   - history: evaluated and pending points.
  ///   - checkCancellation: called between expensive steps; what it throws is passed on.
  /// - Returns: a point for each index, different from each other and from the history while the space
  ///   has such points.
  public func suggest(
    indices: [Int], history: EngineHistory,
    checkCancellation: () throws -> Void = {}
  ) throws -> PointList {
    let history = history.repaired(axes: axes)
    var visited = VisitedPoints(axes: axes, history: history)
    var chosen = PointList(dimension: axes.count)
    let split = GoodBadSplit(objectives: history.objectives, gamma: settings.gamma)
    var ranking: CandidateRanking?
    for (slot, index) in indices.enumerated() {
      try checkCancellation()
      var random = RandomSource(
        seed: settings.seed, purpose: "tpe candidates", index: UInt64(index))
      var point: [Double]
      if index < settings.startupCount || split.finished < TPEEngine.leastFinished
        || slot >= AlgorithmLimits.parzenSuggestions
      {
        point = startupPoint(index)
      } else {
        var judge =
          ranking
          ?? CandidateRanking(
            axes: axes, settings: settings, split: split, history: history, chosen: chosen)
        ranking = nil
        point = try best(
          of: &judge, visited: visited, random: &random, checkCancellation: checkCancellation)
        judge.addPending(point)
        ranking = judge
      }
      point = visited.unseen(near: point, using: &random)
      visited.insert(point)
      chosen.append(point)
    }
    return chosen
  }

  private func startupPoint(_ index: Int) -> [Double] {
    zip(axes, startup(index)).map { axis, u in
      switch axis {
      case .continuous: u
      case .grid(let grid): Double(grid.index(at: u))
      case .categorical(let count): min((u * Double(count)).rounded(.down), Double(count - 1))
      }
    }
  }

  /// The best unseen candidate; a seen one when nothing else was drawn.
  private func best(
    of ranking: inout CandidateRanking, visited: VisitedPoints, random: inout RandomSource,
    checkCancellation: () throws -> Void
  ) throws -> [Double] {
    var best: [Double]?
    var bestMerit = -Double.infinity
    var last: [Double] = []
    for number in 0..<max(1, settings.candidateCount) {
      if number % 64 == 63 { try checkCancellation() }
      var candidate = ranking.draw(using: &random)
      for _ in 0..<TPEEngine.mostRedraws where visited.contains(candidate) {
        candidate = ranking.draw(using: &random)
      }
      last = candidate
      if visited.contains(candidate) { continue }
      let merit = ranking.merit(of: candidate)
      if merit > bestMerit || best == nil {
        bestMerit = merit
        best = candidate
      }
    }
    return best ?? last
  }
}
