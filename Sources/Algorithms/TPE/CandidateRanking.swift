// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Draws candidates from the good mixture and judges them.
///
/// The merit of a candidate is a surrogate's lower confidence bound, negated, plus a share of
/// ln l - ln g. Read the ratio as a belief about where the optimum lies: then this is an
/// acquisition function weighted by a prior (Hvarfner et al., "piBO", ICLR 2022). Without a
/// surrogate (too few points, equal values) the ratio decides alone, which is plain TPE.
struct CandidateRanking {
  /// Points that the surrogate is fitted to: the best ones and, in at least a third of the places, failed
  /// ones. With the best alone it knew of no failure once there were so many, and proposed little else.
  static let trainingCount = 60
  static let failedCount = 20
  /// Of so many failed points, the latest, the nearest to the good ones are looked for.
  static let failedReach = 1_000
  static let pendingCount = 60
  static let optimism = 1.0
  static let ratioShare = 0.1

  private let axes: [Axis]
  private var good: ParzenEstimator
  private var bad: ParzenEstimator
  private var surrogate: LocalSurrogate?
  /// Spread of the good points along each axis, the unit of length of the surrogate.
  private var scales: [Double]

  /// Kernels of both mixtures, each of which judges every candidate.
  var kernelCount: Int { good.count + bad.count }
  var surrogateCount: Int { surrogate?.count ?? 0 }

  init(
    axes: [Axis], settings: TPEEngine.Settings, split: GoodBadSplit, history: EngineHistory,
    chosen: PointList
  ) {
    self.axes = axes
    let meanWeight = split.weights.reduce(0, +) / Double(max(split.weights.count, 1))
    good = ParzenEstimator(
      axes: axes, points: history.evaluated, rows: split.good, weights: split.weights,
      priorWeight: settings.priorWeight * meanWeight)
    var others = PointList(dimension: axes.count)
    for i in split.bad { others.append(history.evaluated[i]) }
    for i in 0..<history.pending.count { others.append(history.pending[i]) }
    for i in 0..<chosen.count { others.append(chosen[i]) }
    bad = ParzenEstimator(
      axes: axes, points: others, rows: Array(0..<others.count),
      weights: [Double](repeating: 1, count: others.count), priorWeight: settings.priorWeight)
    scales = axes.indices.map { d in
      CandidateRanking.spread(
        split.good.map { ParzenEstimator.coordinate(axes[d], history.evaluated[$0, d]) })
    }
    guard settings.surrogate else { return }
    surrogate = fit(split: split, history: history)
    for i in 0..<min(history.pending.count, CandidateRanking.pendingCount) {
      believe(history.pending[i])
    }
    for i in 0..<min(chosen.count, CandidateRanking.pendingCount) { believe(chosen[i]) }
  }

  /// Standard deviation of the good coordinates, shrunk towards that of the uniform distribution
  /// by the weight of one observation.
  private static func spread(_ coordinates: [Double]) -> Double {
    let n = Double(coordinates.count + 1)
    let mean = (coordinates.reduce(0, +) + 0.5) / n
    let square = coordinates.reduce(1.0 / 12) { $0 + ($1 - mean) * ($1 - mean) }
    return max((square / n).squareRoot(), 0.02)
  }

  private func fit(split: GoodBadSplit, history: EngineHistory) -> LocalSurrogate? {
    let all = split.good + split.bad
    let finite = all.filter { history.objectives[$0].isFinite }
    let failed = nearest(
      max(CandidateRanking.failedCount, CandidateRanking.trainingCount - finite.count),
      of: all.filter { !history.objectives[$0].isFinite }, to: split.good, history)
    let rows = finite.prefix(CandidateRanking.trainingCount - failed.count) + failed
    let values = rows.map { history.objectives[$0] }
    let worst = finite.last.map { history.objectives[$0] } ?? -.infinity
    guard let targets = HalfRankWarp.targets(values.map { $0.isFinite ? $0 : worst }) else {
      return nil
    }
    let points = rows.map { history.evaluated[$0] }
    return LocalSurrogate(
      rows: points.map(row), categories: points.map(categories), targets: targets)
  }

  /// Of the failed points those that lie nearest to where candidates are drawn.
  private func nearest(
    _ count: Int, of failed: [Int], to good: [Int], _ history: EngineHistory
  ) -> [Int] {
    guard failed.count > count else { return failed }
    let places = good.map { (row(history.evaluated[$0]), categories(history.evaluated[$0])) }
    let distances = failed.sorted().suffix(CandidateRanking.failedReach).map { i in
      let place = row(history.evaluated[i])
      let entries = categories(history.evaluated[i])
      let distance = places.reduce(Double.infinity) { nearest, other in
        let numbers = zip(place, other.0).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return min(nearest, numbers + Double(zip(entries, other.1).count { $0 != $1 }))
      }
      return (distance, i)
    }
    return distances.sorted { $0 < $1 }.prefix(count).map(\.1)
  }

  private func row(_ point: [Double]) -> [Double] {
    var row: [Double] = []
    for (d, axis) in axes.enumerated() {
      if case .categorical = axis { continue }
      row.append(ParzenEstimator.coordinate(axis, point[d]) / scales[d])
    }
    return row
  }

  private func categories(_ point: [Double]) -> [Int] {
    var entries: [Int] = []
    for (d, axis) in axes.enumerated() {
      if case .categorical = axis { entries.append(Int(point[d])) }
    }
    return entries
  }

  private mutating func believe(_ point: [Double]) {
    guard let count = surrogate?.count,
      count < CandidateRanking.trainingCount + 2 * CandidateRanking.pendingCount
    else { return }
    let place = row(point)
    let entries = categories(point)
    surrogate?.believe(place, categories: entries)
  }

  /// Takes a chosen point for one under evaluation.
  mutating func addPending(_ point: [Double]) {
    bad.append(point, weight: 1)
    believe(point)
  }

  func draw(using random: inout RandomSource) -> [Double] { good.sample(using: &random) }

  /// Larger is better.
  mutating func merit(of candidate: [Double]) -> Double {
    let ratio = good.logDensity(at: candidate) - bad.logDensity(at: candidate)
    guard let surrogate else { return ratio }
    let (mean, deviation) = surrogate.predict(
      row(candidate), categories: categories(candidate))
    return CandidateRanking.optimism * deviation - mean + CandidateRanking.ratioShare * ratio
  }
}
