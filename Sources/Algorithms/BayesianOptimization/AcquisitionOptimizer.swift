// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Maximises an acquisition function over a mixed space.
///
/// 1. Many raw points: a space-filling share over the whole cube and a local share around the best
///    known points. 2. A few starts: the best raw ones and a roulette over the others. 3. From each
///    start in turn: L-BFGS over the continuous axes, then a sweep over the discrete ones, until
///    nothing improves (the alternation of Optuna and BoTorch).
///
/// What surprises: the function is only ever believed at feasible points. Axes with very many
/// values are relaxed for L-BFGS, but what counts is the value at the rounded point.
struct AcquisitionOptimizer {
  /// Axes with at most this many values are swept completely and never relaxed.
  static let sweepLimit = 16

  let axes: [ModelAxis]
  /// Points that must not be proposed again.
  let taken: Set<[Double]>
  /// The most promising known points, best first: the local search starts from them.
  let promising: [[Double]]
  var rawPoints = 512
  var localPoints = 256
  var starts = 5
  var rounds = 4
  var usesGradient = true

  private struct Candidate {
    var point: [Double]
    var value: Double
  }

  /// - Returns: the best feasible point found that is not taken; nil if every point met was taken.
  func maximize(
    _ acquisition: some Acquisition, random: inout RandomSource, work: Work
  ) throws -> [Double]? {
    var candidates = rawCandidates(&random)
    candidates += promising
    let values = try evaluate(acquisition, candidates, work)
    var best: Candidate?
    func consider(_ candidate: Candidate) {
      if !taken.contains(candidate.point), best.map({ candidate.value > $0.value }) ?? true {
        best = candidate
      }
    }
    let scored = candidates.indices.map { Candidate(point: candidates[$0], value: values[$0]) }
      .filter { $0.value > -.infinity }
    for candidate in scored { consider(candidate) }
    if usesGradient {
      for start in chooseStarts(scored, &random) {
        let top = try climb(from: start, acquisition, &random, work, consider)
        consider(top)
      }
    }
    return best?.point
  }

  // MARK: - Raw points

  private func rawCandidates(_ random: inout RandomSource) -> [[Double]] {
    let sobol = SobolSequence(dimension: axes.count, seed: random.next())
    var points = (0..<rawPoints).map { index in
      let u = sobol.point(at: UInt64(index))
      return axes.indices.map { axes[$0].value(atUniform: u[$0]) }
    }
    guard !promising.isEmpty else { return points }
    for index in 0..<localPoints {
      points.append(neighbour(of: promising[index % promising.count], &random))
    }
    return points
  }

  /// A Gaussian step of a random size over a random subset of the axes.
  private func neighbour(of point: [Double], _ random: inout RandomSource) -> [Double] {
    var result = point
    let size = pow(10, -3 + 2.5 * random.uniform())
    // Between one axis and all of them, few more often than many.
    let share = pow(Double(axes.count), -random.uniform())
    let forced = random.uniform(below: axes.count)
    for d in axes.indices {
      guard d == forced || random.uniform() < share else { continue }
      let axis = axes[d]
      if case .categorical(let count) = axis {
        result[d] = Double(random.uniform(below: count))
        continue
      }
      let step = size * Normal.quantile(random.uniformOpen())
      let moved = axis.nearest(to: min(max(axis.coordinate(of: point[d]) + step, 0), 1))
      if let count = axis.count, moved == point[d] {
        let next = point[d] + (step < 0 ? -1 : 1)
        result[d] = next >= 0 && next < Double(count) ? next : point[d]
      } else {
        result[d] = moved
      }
    }
    return result
  }

  private func evaluate(
    _ acquisition: some Acquisition, _ points: [[Double]], _ work: Work
  ) throws -> [Double] {
    try work.spend(points.count * acquisition.cost)
    return acquisition.values(points, on: axes)
  }

  /// The two best distinct candidates and a Boltzmann draw over the others.
  private func chooseStarts(
    _ scored: [Candidate], _ random: inout RandomSource
  ) -> [Candidate] {
    let order = scored.indices.sorted {
      scored[$0].value != scored[$1].value ? scored[$0].value > scored[$1].value : $0 < $1
    }
    guard let first = order.first else { return [] }
    var chosen = [scored[first]]
    if let second = order.first(where: { scored[$0].point != scored[first].point }) {
      chosen.append(scored[second])
    }
    let finite = scored.map(\.value)
    let mean = finite.reduce(0) { $0 + $1 / Double(finite.count) }
    let variance = finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) / Double(finite.count) }
    let deviation = max(variance.squareRoot(), 1e-300)
    let top = scored[first].value
    var weights = finite.map { exp(2 * ($0 - top) / deviation) }
    while chosen.count < min(starts, scored.count) {
      for i in scored.indices where chosen.contains(where: { $0.point == scored[i].point }) {
        weights[i] = 0
      }
      let total = weights.reduce(0, +)
      guard total > 0, total.isFinite else { break }
      var left = random.uniform() * total
      guard
        let index = weights.firstIndex(where: { weight in
          left -= weight
          return left < 0
        }) ?? weights.lastIndex(where: { $0 > 0 })
      else { break }
      chosen.append(scored[index])
    }
    return Array(chosen.prefix(max(1, starts)))
  }

  // MARK: - Ascent

  private func climb(
    from start: Candidate, _ acquisition: some Acquisition, _ random: inout RandomSource,
    _ work: Work, _ consider: (Candidate) -> Void
  ) throws -> Candidate {
    var current = start
    let discrete = axes.indices.filter { axes[$0].count ?? 0 > 1 || axes[$0].isCategorical }
    for _ in 0..<rounds {
      let before = current.value
      try ascend(&current, acquisition, work, consider)
      for d in discrete { try sweep(&current, axis: d, acquisition, &random, work, consider) }
      if discrete.isEmpty || current.value <= before + 1e-6 { break }
    }
    return current
  }

  /// L-BFGS over the continuous and the relaxed axes, in units of their length scales.
  private func ascend(
    _ current: inout Candidate, _ acquisition: some Acquisition, _ work: Work,
    _ consider: (Candidate) -> Void
  ) throws {
    guard let scales = acquisition.lengthScales else { return }
    let free = axes.indices.filter {
      !axes[$0].isCategorical && (axes[$0].count ?? .max) > Self.sweepLimit
    }
    guard !free.isEmpty else { return }
    var coordinates = axes.indices.map { axes[$0].coordinate(of: current.point[$0]) }
    let unit = free.map { min(max(scales[$0], 1e-3), 1) }
    var full = [Double](repeating: 0, count: axes.count)
    let search = BoundedLBFGS(
      maximumIterations: 30, maximumEvaluations: 45, gradientTolerance: 1e-4,
      valueTolerance: 1e-7)
    let result = try search.minimize(
      from: free.indices.map { coordinates[free[$0]] / unit[$0] },
      lower: [Double](repeating: 0, count: free.count), upper: unit.map { 1 / $0 }
    ) { x, gradient in
      try work.spend(2 * acquisition.cost)
      for (i, d) in free.enumerated() { coordinates[d] = min(max(x[i] * unit[i], 0), 1) }
      let value = acquisition.value(at: coordinates, gradient: &full)
      for (i, d) in free.enumerated() { gradient[i] = -full[d] * unit[i] }
      return -value
    }
    guard result.value.isFinite else { return }
    var point = current.point
    for (i, d) in free.enumerated() { point[d] = axes[d].nearest(to: result.point[i] * unit[i]) }
    guard point != current.point else { return }
    let moved = Candidate(point: point, value: try evaluate(acquisition, [point], work)[0])
    consider(moved)
    if moved.value > current.value { current = moved }
  }

  /// Tries other values of one discrete axis and keeps the best.
  private func sweep(
    _ current: inout Candidate, axis d: Int, _ acquisition: some Acquisition,
    _ random: inout RandomSource, _ work: Work, _ consider: (Candidate) -> Void
  ) throws {
    guard let count = axes[d].count, count > 1 else { return }
    let here = Int(current.point[d])
    var values: [Int]
    if count <= Self.sweepLimit || (axes[d].isCategorical && count <= 64) {
      values = Array(0..<count)
    } else {
      values =
        (-4...4).map { here + $0 }
        + (0..<4).map { _ in Int(axes[d].value(atUniform: random.uniform())) }
      values = values.filter { $0 >= 0 && $0 < count }
    }
    values.removeAll { $0 == here }
    let points = values.map { value in
      var point = current.point
      point[d] = Double(value)
      return point
    }
    let scores = try evaluate(acquisition, points, work)
    for i in points.indices {
      let candidate = Candidate(point: points[i], value: scores[i])
      consider(candidate)
      if candidate.value > current.value { current = candidate }
    }
  }
}
