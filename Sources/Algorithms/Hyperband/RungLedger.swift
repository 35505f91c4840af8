// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Every configuration of an Experiment with what became of it on each rung, rebuilt from the
/// history.
///
/// The names of our own trials tell configuration and level (`RungTag`). Trials that somebody else
/// named (Katib's image, a person, ourselves under a seed that got lost) are told by their values:
/// what agrees in everything but the resource is one configuration, and the resource tells the
/// level. Katib's image rounds resources down, rung after rung, so a configuration's next larger
/// resource is at least one level up, whatever it is nearest to.
///
/// What surprises: not every such trial is taken in. The controller also shows the trials of a
/// same-named Experiment in another namespace; the position says how many trials are this
/// Experiment's, so once our own account for them, the others only count as points already tried.
struct RungLedger {
  enum Outcome: Equatable, Sendable {
    /// An objective, to be minimised.
    case finished(Double)
    /// Over without one: failed, killed or hidden.
    case closed
    case pending

    /// Whether this is the outcome of a rung on which another trial has had `other`.
    fileprivate func outranks(_ other: Outcome) -> Bool {
      switch (other, self) {
      case (.closed, .finished), (.closed, .pending), (.pending, .finished): true
      default: false
      }
    }
  }

  struct Configuration: Sendable {
    let identity: ConfigurationIdentity
    /// The trial whose values a promotion copies; nil where none has them all.
    fileprivate(set) var source: Int?
    /// One outcome per level, ascending.
    fileprivate(set) var outcomes: [(level: Int, outcome: Outcome)] = []

    var number: Int? { if case .number(let number) = identity { number } else { nil } }

    func outcome(at level: Int) -> Outcome? {
      outcomes.first { $0.level == level }?.outcome
    }

    var firstLevel: Int { outcomes[0].level }
    var lastLevel: Int { outcomes[outcomes.count - 1].level }

    /// Takes in a trial's outcome. Of several trials on one rung, the first to have finished
    /// counts, then one that may still finish; the values are those of the highest rung.
    fileprivate mutating func record(_ outcome: Outcome, level: Int, source trial: Int?) {
      let place = outcomes.firstIndex { $0.level >= level } ?? outcomes.count
      if place < outcomes.count, outcomes[place].level == level {
        guard outcome.outranks(outcomes[place].outcome) else {
          if source == nil { source = trial }
          return
        }
        outcomes[place].outcome = outcome
      } else {
        outcomes.insert((level, outcome), at: place)
      }
      if source == nil || place == outcomes.count - 1 { source = trial ?? source }
    }
  }

  /// Numbered configurations in the order of their numbers, then the others in that of their
  /// first trials.
  private(set) var configurations: [Configuration] = []
  /// The level of each trial of the history; nil where it has no part in any rung.
  private(set) var levels: [Int?]
  /// What is not over yet, and what must not be named again.
  let open: OpenIssues
  /// What of it is hidden: mostly trials that ended without metrics.
  let hidden: [OpenIssues.Issue]
  /// Trials that the position counts and that nothing explains.
  let unexplained: Int
  let visibleIndices: Set<Int>
  let rows: ConfigurationRows

  /// - Parameter resource: the position of the resource among the parameters, if it is one.
  init(_ request: SuggestionRequest, _ schedule: HyperbandSchedule, resource: Int?) {
    let history = request.history
    let tags = TrialNaming(request).tags(history)
    visibleIndices = Set(tags.compactMap { $0?.index })
    // Not `visibleIndices.count`: nothing keeps two trials from bearing one name.
    let own = tags.reduce(0) { $0 + ($1 == nil ? 0 : 1) }
    let over = tags.indices.filter { history.role($0) != .pending }.compactMap { tags[$0]?.index }
    let (open, hidden) = request.settings[HyperbandSearch.openIssues].update(
      over: Set(over), visible: visibleIndices, hidden: request.position - own,
      position: request.position)
    self.open = open
    self.hidden = hidden
    levels = Array(repeating: nil, count: history.count)
    rows = ConfigurationRows(request, resource: resource)
    var entries: [(trial: Int, identity: ConfigurationIdentity, level: Int)] = []
    for (trial, tag) in tags.enumerated() {
      guard let tag = tag.map({ RungTag(detail: $0.detail) }), tag.level <= schedule.topLevel,
        let identity = tag.number.map(ConfigurationIdentity.number)
          ?? rows.hash(trial).map(ConfigurationIdentity.values)
      else { continue }
      entries.append((trial, identity, tag.level))
    }
    let remaining = max(0, request.position - own - hidden.count)
    let adopted = rows.foreignTrials(tags, most: remaining, schedule, resource)
    unexplained = remaining - adopted.count
    entries += adopted
    var builder = Builder(request, rows)
    for entry in RungLedger.inOrderOfIssue(entries, tags, history) {
      levels[entry.trial] = entry.level
      builder.record(entry.trial, entry.identity, level: entry.level)
    }
    for issue in hidden where issue.level <= schedule.topLevel { builder.record(issue) }
    configurations = builder.configurations.enumerated().sorted {
      ($0.element.number ?? .max, $0.offset) < ($1.element.number ?? .max, $1.offset)
    }.map(\.element)
  }

  private static func inOrderOfIssue(
    _ entries: [(trial: Int, identity: ConfigurationIdentity, level: Int)],
    _ tags: [TrialNaming.Tag?], _ history: History
  ) -> [(trial: Int, identity: ConfigurationIdentity, level: Int)] {
    func key(_ trial: Int) -> (Int64, Int, Int) {
      (history.beginning(trial), tags[trial]?.index ?? .max, trial)
    }
    return entries.sorted { key($0.trial) < key($1.trial) }
  }

  /// Collects outcomes by configuration.
  private struct Builder {
    private(set) var configurations: [Configuration] = []
    private var places: [ConfigurationIdentity: Int] = [:]
    private let history: History
    private let rows: ConfigurationRows
    private let sign: Double

    init(_ request: SuggestionRequest, _ rows: ConfigurationRows) {
      history = request.history
      self.rows = rows
      sign = request.experiment.objective.direction == .maximize ? -1 : 1
    }

    mutating func record(_ trial: Int, _ identity: ConfigurationIdentity, level: Int) {
      let outcome: Outcome =
        switch history.role(trial) {
        case .finished: .finished(sign * history.objectives[trial])
        case .failed, .killed: .closed
        case .pending: .pending
        }
      configurations[place(identity)].record(
        outcome, level: level, source: rows.hash(trial) == nil ? nil : trial)
    }

    mutating func record(_ issue: OpenIssues.Issue) {
      configurations[place(issue.identity)].record(.closed, level: issue.level, source: nil)
    }

    private mutating func place(_ identity: ConfigurationIdentity) -> Int {
      if let place = places[identity] { return place }
      places[identity] = configurations.count
      configurations.append(Configuration(identity: identity))
      return configurations.count - 1
    }
  }
}
