// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Tells failures of a region from failures of chance.
///
/// A failed trial says that its point is bad, and a model that believes it stays away. That is right
/// where a region fails: too large a batch, a divergent learning rate. But nodes are preempted, and
/// metrics get lost, wherever trials run; and they run most where the best points are. One such
/// failure beside the optimum drove every model away from it. So a failure only counts where most of
/// its neighbours failed, too; elsewhere its point is merely not tried again.
///
/// A majority of the nearest neighbours is Cover and Hart's rule ("Nearest neighbor pattern
/// classification", 1967) with the trial itself left out. What surprises: at the border of a region
/// that fails the rule believes late, because the neighbours on this side are successes. A model looks
/// a little longer there (docs/ablations-failures.md), which is also where the optimum often lies.
struct LoneFailures {
  /// Neighbours asked.
  static let neighbours = 5
  /// The latest trials among which neighbours are looked for. Those of long ago lie where the search
  /// no longer is, and all pairs of 10,000 would take seconds.
  static let reach = 1_000
  /// The latest failures that are looked at; what failed before teaches nothing, too.
  static let most = 2_000

  private let axes: [Axis]
  /// Coordinates in the unit cube, trial after trial.
  private var coordinates: [Double] = []
  private var hasFailed: [Bool] = []
  private var levels: [Int] = []

  init(axes: [Axis]) {
    self.axes = axes
  }

  /// Trials added.
  var count: Int { levels.count }

  /// Adds a trial that is over.
  /// - Parameter level: how far it got, where trials are of different length. A result says nothing of
  ///   failures that come later.
  mutating func add(_ point: [Double], hasFailed: Bool, level: Int = 0) {
    for (axis, entry) in zip(axes, point) {
      switch axis {
      case .continuous, .categorical: coordinates.append(entry)
      case .grid(let grid): coordinates.append(entry / Double(grid.count - 1))
      }
    }
    self.hasFailed.append(hasFailed)
    levels.append(level)
  }

  /// The numbers of the failed trials among whose neighbours most did not fail, ascending.
  var indices: [Int] {
    let failed = hasFailed.indices.filter { hasFailed[$0] }
    let early = failed.dropLast(LoneFailures.most)
    return early + failed.suffix(LoneFailures.most).filter(isLone)
  }

  private func isLone(_ failure: Int) -> Bool {
    // Nearest first; of equal ones the earlier.
    var nearest: [(distance: Double, hasFailed: Bool)] = []
    for other in max(0, hasFailed.count - LoneFailures.reach)..<hasFailed.count {
      guard other != failure, hasFailed[other] || levels[other] >= levels[failure] else { continue }
      let limit =
        nearest.count < LoneFailures.neighbours ? .infinity : nearest[nearest.count - 1].distance
      guard let distance = distance(failure, other, below: limit) else { continue }
      let place = nearest.firstIndex { $0.distance > distance } ?? nearest.count
      nearest.insert((distance, hasFailed[other]), at: place)
      if nearest.count > LoneFailures.neighbours { nearest.removeLast() }
    }
    return 2 * nearest.count(where: \.hasFailed) < nearest.count
  }

  /// The squared distance, or nil if it is not below the limit.
  private func distance(_ a: Int, _ b: Int, below limit: Double) -> Double? {
    let (first, second) = (a * axes.count, b * axes.count)
    var sum = 0.0
    for d in axes.indices {
      let difference = coordinates[first + d] - coordinates[second + d]
      if case .categorical = axes[d] {
        sum += difference == 0 ? 0 : 1
      } else {
        sum += difference * difference
      }
      if sum >= limit { return nil }
    }
    return sum
  }
}

extension EngineHistory {
  /// Takes failures that tell nothing of their region for points that are merely not tried again.
  mutating func forgiveLoneFailures(axes: [Axis]) {
    guard objectives.contains(where: { !$0.isFinite }) else { return }
    var failures = LoneFailures(axes: axes)
    for i in 0..<evaluated.count { failures.add(evaluated[i], hasFailed: !objectives[i].isFinite) }
    forgive(failures.indices)
  }

  /// - Parameter lone: ascending.
  mutating func forgive(_ lone: [Int]) {
    guard !lone.isEmpty else { return }
    var next = lone[...]
    var points = PointList(dimension: evaluated.dimension)
    var kept: [Int] = []
    for i in 0..<evaluated.count {
      if next.first == i {
        next.removeFirst()
        avoided.append(evaluated[i])
      } else {
        points.append(evaluated[i])
        kept.append(i)
      }
    }
    evaluated = points
    objectives = kept.map { objectives[$0] }
    if !durations.isEmpty { durations = kept.map { durations[$0] } }
  }
}
