// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Chooses among samples of the search distribution by a local surrogate: pre-selection as in
/// surrogate-assisted evolution strategies (see `LocalSurrogate`).
///
/// The model sees the points nearest to the present distribution, by Mahalanobis distance, among
/// the best and the latest. A sample's merit is its lower confidence bound, mean minus one
/// deviation, so the choice keeps exploring. Failed points count as the worst value seen; points
/// under evaluation as what the model expects of them.
struct Screening {
  /// Points that the model is fitted to: enough for a quadratic in ten dimensions.
  static let trainingCount = 60
  /// Only this many of the latest points are searched for near ones.
  static let recentCount = 1000
  /// Pending points that the model takes into account.
  static let pendingCount = 60
  /// Deviations below the mean at which a sample is judged.
  static let optimism = 1.0
  /// Draws per candidate until it is inside the cube and new.
  private static let mostDraws = 20

  private var model: LocalSurrogate

  /// - Returns: nil while there are too few points, or all values are equal.
  init?(replay: EvolutionReplay, history: EngineHistory) {
    let n = history.evaluated.count
    guard !replay.numeric.isEmpty, n >= max(3, replay.axes.count) else { return nil }
    let first = max(0, n - Screening.recentCount)
    var near: [(length2: Double, index: Int, row: [Double])] = []
    near.reserveCapacity(n - first)
    for i in first..<n {
      let row = replay.whitened(history.evaluated, i)
      let length2 = row.reduce(0) { $0 + $1 * $1 }
      if length2.isFinite { near.append((length2, i, row)) }
    }
    near.sort { ($0.length2, $0.index) < ($1.length2, $1.index) }
    near.removeLast(max(0, near.count - Screening.trainingCount))
    let objectives = near.map { history.objectives[$0.index] }
    let worst = objectives.reduce(-Double.infinity) { $1.isFinite ? max($0, $1) : $0 }
    guard worst.isFinite,
      let targets = HalfRankWarp.targets(objectives.map { $0.isFinite ? $0 : worst }),
      let model = LocalSurrogate(
        rows: near.map(\.row),
        categories: near.map { replay.categoryEntries(history.evaluated[$0.index]) },
        targets: targets)
    else { return nil }
    self.model = model
    for i in 0..<min(history.pending.count, Screening.pendingCount) {
      believe(history.pending[i], replay: replay)
    }
  }

  /// Takes a point for evaluated with the value expected there.
  mutating func believe(_ point: [Double], replay: EvolutionReplay) {
    guard model.count < Screening.trainingCount + 2 * Screening.pendingCount else { return }
    model.believe(
      replay.whitened(PointList(dimension: point.count, points: [point]), 0),
      categories: replay.categoryEntries(point))
  }

  /// The most promising of `count` samples.
  /// - Returns: nil when no new sample was met.
  func choose(
    among count: Int, index: Int, replay: EvolutionReplay, visited: VisitedPoints
  ) -> [Double]? {
    var random = RandomSource(
      seed: replay.settings.seed, purpose: "cmaes screening", index: UInt64(index))
    let n = replay.numeric.count
    var best: [Double]?
    var bestMerit = Double.infinity
    var candidates = PointList(dimension: replay.axes.count)
    for _ in 0..<count {
      var candidate: [Double]?
      for _ in 0..<Screening.mostDraws {
        let z = (0..<n).map { _ in Normal.variate(using: &random) }
        let (point, inside) = replay.point(z, categoryRandom: &random)
        if visited.contains(point) { continue }
        candidate = point
        if inside { break }
      }
      if let candidate { candidates.append(candidate) }
    }
    for i in 0..<candidates.count {
      let candidate = candidates[i]
      let (mean, deviation) = model.predict(
        replay.whitened(candidates, i), categories: replay.categoryEntries(candidate))
      let merit = mean - Screening.optimism * deviation
      if merit < bestMerit {
        bestMerit = merit
        best = candidate
      }
    }
    return best
  }
}
