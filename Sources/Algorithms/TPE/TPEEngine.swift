// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Glibc
internal import Numerics

public struct TPEEngine: Sendable {
  public struct Settings: Sendable {
    /// Share of good points in hyperopt's meaning, ceil(gamma sqrt n); nil: the linear rule.
    public var gamma: Double?
    public var priorWeight = 1.0
    public var candidateCount = 24
    public var startupCount = 10
    public var seed: UInt64 = 0
    // ablation
    public var linear = 0.15
    public var cap = 25
    public var weightRule = 1  // 0 uniform, 1 EI, 2 rank, 3 age
    public var weightClip = 5.0
    public var floor = 0.03
    public var exponent = 2.0
    public var categoricalWeight = 1.0
    public var bandwidthRule = 0
    public var bandwidthScale = 1.0
    public var badRule = 0
    public var badScale = 1.0
    public var refine = 0
    public var univariate = false
    public var pendingBad = true
    public init() {}
  }

  public let axes: [Axis]
  public let settings: Settings
  let startup: @Sendable (Int) -> [Double]

  /// - Parameter startup: the start-up design: the point of the unit cube at a position.
  public init(
    axes: [Axis], settings: Settings, startup: @escaping @Sendable (Int) -> [Double]
  ) {
    self.axes = axes
    self.settings = settings
    self.startup = startup
  }

  public func suggest(
    count: Int, position: Int, history: EngineHistory,
    checkCancellation: () throws -> Void = {}
  ) throws -> PointList {
    var chosen = PointList(dimension: axes.count)
    var seen = VisitedPoints(axes: axes, lists: [history.evaluated, history.pending])
    let split = Split(history: history, settings: settings)
    for slot in 0..<count {
      try checkCancellation()
      let index = position + slot
      var random = RandomSource(seed: settings.seed, purpose: "tpe", index: UInt64(index))
      var point: [Double]
      if index < settings.startupCount || split.finished < 2 {
        point = startupPoint(index)
      } else {
        point = model(split: split, history: history, chosen: chosen, seen: seen, random: &random)
      }
      point = seen.unseen(near: point, using: &random)
      seen.insert(point)
      chosen.append(point)
    }
    return chosen
  }

  func startupPoint(_ index: Int) -> [Double] {
    zip(axes, startup(index)).map { axis, u in
      switch axis {
      case .continuous: return u
      case .grid(let grid): return Double(grid.index(at: u))
      case .categorical(let count): return min(Double(Int(u * Double(count))), Double(count - 1))
      }
    }
  }

  private func model(
    split: Split, history: EngineHistory, chosen: PointList, seen: VisitedPoints,
    random: inout RandomSource
  ) -> [Double] {
    if settings.univariate {
      return axes.indices.map { d in
        func column(_ l: PointList) -> PointList {
          PointList(dimension: 1, points: (0..<l.count).map { [l[$0, d]] })
        }
        let sub = EngineHistory(
          evaluated: column(history.evaluated), objectives: history.objectives,
          pending: column(history.pending))
        return search(
          axes: [axes[d]], split: split, history: sub, chosen: column(chosen), seen: nil,
          random: &random)[0]
      }
    }
    return search(
      axes: axes, split: split, history: history, chosen: chosen, seen: seen, random: &random)
  }

  private func search(
    axes: [Axis], split: Split, history: EngineHistory, chosen: PointList, seen: VisitedPoints?,
    random: inout RandomSource
  ) -> [Double] {
    var options = ParzenEstimator.Options()
    options.floor = settings.floor
    options.exponent = settings.exponent
    options.categoricalWeight = settings.categoricalWeight
    options.rule = settings.bandwidthRule
    options.scale = settings.bandwidthScale
    let goodMean = split.weights.reduce(0, +) / Double(split.weights.count)
    var good = ParzenEstimator(
      axes: axes, points: history.evaluated, rows: split.good, weights: split.weights,
      priorWeight: settings.priorWeight * goodMean, options: options)
    var others = PointList(dimension: axes.count)
    for i in split.bad { others.append(history.evaluated[i]) }
    if settings.pendingBad {
      for i in 0..<history.pending.count { others.append(history.pending[i]) }
      for i in 0..<chosen.count { others.append(chosen[i]) }
    }
    var badOptions = options
    badOptions.rule = settings.badRule
    badOptions.scale = settings.badScale
    var bad = ParzenEstimator(
      axes: axes, points: others, rows: Array(0..<others.count),
      weights: Array(repeating: 1, count: others.count), priorWeight: settings.priorWeight,
      options: badOptions)
    var best: [Double]?
    var bestScore = -Double.infinity
    var fallback: [Double] = []
    for _ in 0..<settings.candidateCount {
      var candidate = good.sample(using: &random)
      if let seen, seen.contains(candidate) {
        for _ in 0..<10 where seen.contains(candidate) { candidate = good.sample(using: &random) }
      }
      let score = good.logDensity(at: candidate) - bad.logDensity(at: candidate)
      if score > bestScore {
        if let seen, seen.contains(candidate) {
          fallback = candidate
        } else {
          bestScore = score
          best = candidate
        }
      }
    }
    guard var best else { return fallback }
    var scale = 0.1
    for _ in 0..<settings.refine {
      var candidate = best
      for d in axes.indices where random.uniform() < 0.5 {
        switch axes[d] {
        case .continuous:
          candidate[d] = Normal.truncatedQuantile(
            random.uniformOpen(), mean: best[d], deviation: scale, from: 0, to: 1)
        case .grid(let grid):
          candidate[d] = Double(
            grid.index(
              at: Normal.truncatedQuantile(
                random.uniformOpen(), mean: grid.center(Int(best[d])), deviation: scale, from: 0,
                to: 1)))
        case .categorical(let count):
          candidate[d] = Double(random.uniform(below: count))
        }
      }
      if let seen, seen.contains(candidate) { continue }
      let score = good.logDensity(at: candidate) - bad.logDensity(at: candidate)
      if score > bestScore {
        bestScore = score
        best = candidate
      } else {
        scale = max(0.01, scale * 0.97)
      }
    }
    return best
  }
}

struct Split {
  var finished = 0
  var good: [Int] = []
  var weights: [Double] = []
  var bad: [Int] = []

  init(history: EngineHistory, settings: TPEEngine.Settings) {
    let y = history.objectives
    var order = y.indices.filter { y[$0].isFinite }
    finished = order.count
    let failed = y.indices.filter { !y[$0].isFinite }
    order.sort { (y[$0], $0) < (y[$1], $1) }
    guard finished > 0 else { return }
    let n = Double(finished)
    let goodCount: Int
    if let gamma = settings.gamma {
      goodCount = Int((gamma * n.squareRoot()).rounded(.up))
    } else {
      goodCount = Int((settings.linear * n).rounded(.up))
    }
    let k = max(1, min(goodCount, settings.cap, finished))
    good = Array(order[..<k])
    bad = Array(order[k...]) + failed
    weights = [Double](repeating: 1, count: k)
    switch settings.weightRule {
    case 1 where k >= 2 && k < finished:
      let scale = max(abs(y[order[0]]), abs(y[order[finished - 1]]), 1e-300)
      let limit = y[order[k]] / scale
      weights = good.map { max(1e-12, limit - y[$0] / scale) }
      let median = weights.sorted()[k / 2]
      weights = weights.map { min($0, settings.weightClip * max(median, 1e-12)) }
    case 2:
      weights = good.indices.map { log(Double(k) + 0.5) - log(Double($0) + 1) + 0.1 }
    default: break
    }
  }
}
