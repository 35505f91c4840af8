// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The population as the history shows it: which trial is of which generation, and whose child.
///
/// Names tell both. A parent that the history no longer shows leaves the generation modulo 32, and
/// that is enough: a child is never more than one generation ahead of all that was issued before
/// it.
///
/// Trials whose names tell nothing are those of another image that served the Experiment before,
/// or of a same-named Experiment elsewhere. The newest of them fill up generation 0, as many as
/// this Experiment has issued beyond those that are told: so a population is taken over, and
/// strangers are not. Their failures are not issued again, since their parents are unknown.
struct Population {
  /// What each trial's name tells; nil where it tells nothing.
  let tags: [LineageNames.Tag?]
  /// The generation of each trial; nil for trials that are no members.
  private(set) var generations: [Int?]
  /// Each trial's parent as a position in the history; nil when it has none or does not show it.
  private(set) var parents: [Int?]
  /// The objective of each trial as a number to be minimised; NaN when it has none.
  let values: [Double]
  /// Each trial's place in the order in which the trials ended.
  let ages: [Int]
  /// When each trial began, at the latest; after everything else where nothing tells.
  let startTimes: [Int64]
  /// The trials that bring their generation forward: finished or pending.
  let isLive: [Bool]
  /// The trials that failed by themselves; killed ones did not.
  let hasFailed: [Bool]

  init(_ request: SuggestionRequest, names: LineageNames, size: Int) {
    let history = request.history
    let count = history.count
    let sign = request.experiment.objective.direction == .maximize ? -1.0 : 1.0
    let tags = history.names.map { names.tag($0) }
    let roles = (0..<count).map { history.role($0) }
    self.tags = tags
    values = (0..<count).map { roles[$0] == .finished ? sign * history.objectives[$0] : .nan }
    isLive = roles.map { $0 == .finished || $0 == .pending }
    hasFailed = roles.map { $0 == .failed }
    generations = Array(repeating: nil, count: count)
    parents = Array(repeating: nil, count: count)

    startTimes = (0..<count).map { history.startTimes[$0] ?? history.eventTime($0) }
    let times = (0..<count).map(history.eventTime)
    let order = (0..<count).sorted {
      (times[$0], tags[$0]?.index ?? .max, $0) < (times[$1], tags[$1]?.index ?? .max, $1)
    }
    var ages = Array(repeating: 0, count: count)
    for (age, trial) in order.enumerated() { ages[trial] = age }
    self.ages = ages

    resolve(history)
    adopt(order, roles, position: request.position, size: size)
  }

  /// Finds the parent and the generation of every trial whose name tells of them.
  private mutating func resolve(_ history: History) {
    var trials: [LineageNames.Origin: Int] = [:]
    trials.reserveCapacity(history.count)
    for trial in 0..<history.count {
      let own = LineageNames.origin(ofChildrenOf: history.names[trial], tag: tags[trial])
      if trials[own] == nil { trials[own] = trial }
    }
    func parent(_ trial: Int) -> Int? { tags[trial].flatMap { trials[$0.origin] } }

    // In the order of issue parents nearly always come first, so the paths are short. A loop, which
    // only a name that passes for ours by chance can close, ends where it meets itself.
    let byIndex = tags.indices.filter { tags[$0] != nil }
      .sorted { (tags[$0]?.index ?? 0, $0) < (tags[$1]?.index ?? 0, $1) }
    var isVisited = Array(repeating: false, count: history.count)
    var newest = -1
    for first in byIndex where !isVisited[first] {
      var path: [Int] = []
      var next: Int? = first
      while let trial = next, tags[trial] != nil, !isVisited[trial] {
        isVisited[trial] = true
        path.append(trial)
        next = parent(trial)
      }
      for trial in path.reversed() {
        place(trial, parent: parent(trial), newest: newest)
        newest = max(newest, generations[trial] ?? -1)
      }
    }
  }

  private mutating func place(_ trial: Int, parent: Int?, newest: Int) {
    guard let tag = tags[trial] else { return }
    let modulus = LineageNames.generationModulus
    if tag.origin == .new, tag.generationModulo == 0 {
      generations[trial] = 0
    } else if let parent, parent != trial,
      let before = tags[parent] == nil ? 0 : generations[parent],
      (before + 1) % modulus == tag.generationModulo
    {
      generations[trial] = before + 1
      parents[trial] = parent
    } else {
      let ceiling = newest + 1
      let back = ((ceiling - tag.generationModulo) % modulus + modulus) % modulus
      generations[trial] = ceiling - back >= 0 ? ceiling - back : tag.generationModulo
    }
  }

  /// Takes trials whose names tell nothing into generation 0.
  private mutating func adopt(_ order: [Int], _ roles: [TrialRole], position: Int, size: Int) {
    let room = TrialNaming.roomForOthers(
      beside: tags.map { $0.map { TrialNaming.Tag(index: $0.index, detail: 0) } },
      position: position)
    let founders = generations.indices.count(where: { generations[$0] == 0 && isLive[$0] })
    var places = min(room, size - founders)
    for trial in order.reversed() where places > 0 {
      guard tags[trial] == nil, roles[trial] == .finished || roles[trial] == .pending else {
        continue
      }
      generations[trial] = 0
      places -= 1
    }
  }

  /// The finished members, best first, and of equals the one that ended first.
  func ranked(_ trials: some Sequence<Int>) -> [Int] {
    trials.sorted { (values[$0], ages[$0]) < (values[$1], ages[$1]) }
  }

  var finished: [Int] { generations.indices.filter { generations[$0] != nil && !values[$0].isNaN } }
}
