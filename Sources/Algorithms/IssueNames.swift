// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// The names of the trials of an algorithm that wants to know again which issue a trial was, and
/// nothing more; and what the names of a history tell.
///
/// The index tells three things. Trials that ended within the same second have an order. Trials
/// that somebody else made for a same-named Experiment are not taken for our own. And an index that
/// is missing was a trial that vanished: Katib hides those without metrics, and a model that does
/// not know of them would propose the same point for ever.
struct IssueNames {
  private let request: SuggestionRequest
  private let naming: TrialNaming
  /// One per trial of the history; nil where the name tells nothing.
  let tags: [TrialNaming.Tag?]
  /// The trials of this Experiment in the order in which they ended, by issue within a second.
  let own: [Int]

  init(_ request: SuggestionRequest) {
    self.request = request
    naming = TrialNaming(request)
    tags = naming.tags(request.history)
    own = IssueNames.own(request, tags)
  }

  /// What an engine proposes to this request, named. Where no parameter has a choice it is not asked.
  ///
  /// - Parameters:
  ///   - most: vanished trials to look for at most.
  ///   - values: how many values of trials all searches for them together may look at, since each
  ///     costs as much as a suggestion.
  ///   - points: the engine's points at some indices, after a history.
  func suggestions(
    in model: ModelSpace, most: Int = reach, values: Int = 400_000,
    points: (_ indices: [Int], _ history: EngineHistory) throws -> PointList
  ) throws -> [Suggestion] {
    let indices = indices
    var suggestions: [Suggestion]
    if model.axes.isEmpty {
      let only = Suggestion(assignments: model.assignments([]))
      suggestions = Array(repeating: only, count: request.count)
    } else {
      let history = try history(in: model, most: most, values: values) {
        try points([$0], $1)[0]
      }
      let chosen = try points(indices, history)
      suggestions = (0..<chosen.count).map {
        Suggestion(assignments: model.assignments(chosen[$0]))
      }
    }
    name(&suggestions, indices)
    return suggestions
  }

  /// Names suggestions that were made without a model.
  func name(_ suggestions: inout [Suggestion]) {
    name(&suggestions, indices)
  }

  private func name(_ suggestions: inout [Suggestion], _ indices: [Int]) {
    let detail = historyDigest
    for i in suggestions.indices {
      suggestions[i].trialName = naming.name(index: indices[i], detail: detail)
    }
  }

  /// The indices of the suggestions that are asked for.
  private var indices: [Int] {
    var indices = IssueIndices(
      position: request.position, taken: tags.compactMap { $0?.index })
    return (0..<request.count).map { _ in indices.next() }
  }

  /// A digest of what the history shows.
  ///
  /// An index can be issued twice: the controller lowers the parallelism, the position falls, and a
  /// trial above it may be invisible (its metrics are unavailable) while its name is still taken.
  /// The history or, where nobody saw the trials come and go, the position has changed by then, so the
  /// digest of both makes another name of the same index; the same request still gets the same names.
  /// The position is that of the reply: with initial points before it, the request's may be the same.
  private var historyDigest: UInt32 {
    var hash = RandomSource.mix(UInt64(request.position - request.alreadyInReply.count))
    for trial in 0..<request.history.count {
      hash = RandomSource.mix(hash ^ UInt64(request.history.conditions[trial].rawValue))
      for byte in request.history.names[trial].utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
      }
    }
    return UInt32(truncatingIfNeeded: RandomSource.mix(hash))
  }

  /// Trials without a tag may be initial points, from another image, or from before a seed was kept;
  /// they count as own as far as there is room for them, the oldest first. Beyond that they are those
  /// of a same-named Experiment elsewhere, which tell nothing about this one.
  private static func own(
    _ request: SuggestionRequest, _ tags: [TrialNaming.Tag?]
  ) -> [Int] {
    let history = request.history
    // By time, then by issue; canonical order settles what is left.
    func sorted(_ trials: some Sequence<Int>, by time: (Int) -> Int64) -> [Int] {
      trials.map { (time($0), tags[$0]?.index ?? .max, $0) }.sorted { $0 < $1 }.map(\.2)
    }
    let untagged = tags.indices.filter { tags[$0] == nil }
    let room = TrialNaming.roomForOthers(beside: tags, position: request.position)
    let strangers =
      untagged.count <= room
      ? [] : Set(sorted(untagged, by: history.beginning).dropFirst(room))
    return sorted(tags.indices.filter { !strangers.contains($0) }, by: history.eventTime)
  }

  // MARK: - Trials that vanished

  /// How far back they are looked for.
  private static let reach = 64
  /// So many are looked for whatever it costs.
  private static let least = 4

  /// The history as an engine knows it, with the trials that vanished.
  ///
  /// Their points are found by proposing once more: a proposal is a function of its index and of
  /// what was known when it was made, and both can be told from the trials that are left. Where
  /// trials run beside each other what was known is a good guess, so a point may be missed.
  ///
  /// - Parameters:
  ///   - most, values: see ``suggestions(in:most:values:points:)``.
  ///   - propose: the engine's proposal at an index after a history.
  func history(
    in model: ModelSpace, most: Int, values: Int,
    propose: (_ index: Int, _ history: EngineHistory) throws -> [Double]
  ) throws -> EngineHistory {
    let isIgnored = request.settings[CommonSettings.failedTrials] == .ignore
    var vanished = PointList(dimension: model.axes.count)
    let most = min(most, max(IssueNames.least, values / max(1, own.count * model.axes.count)))
    for index in missingIndices(most: most) {
      let before = own.filter { (tags[$0]?.index ?? -1) < index }
      var known = model.history(request, own: before, asOf: timeOfIssue(index))
      known.add(vanished: vanished, isIgnored: isIgnored)
      known.forgiveLoneFailures(axes: model.axes)
      vanished.append(try propose(index, known))
    }
    var known = model.history(request, own: own)
    known.add(vanished: vanished, isIgnored: isIgnored)
    known.forgiveLoneFailures(axes: model.axes)
    return known
  }

  /// The latest indices that no trial has, ascending; not more than trials are missing. Not those of
  /// initial points, whose trials have no tag.
  private func missingIndices(most: Int) -> [Int] {
    let gap = request.position - own.count
    guard gap > 0 else { return [] }
    let seen = Set(tags.compactMap { $0?.index })
    let first = max(request.problem.initialPointCount, request.position - IssueNames.reach)
    return (first..<max(first, request.position)).filter { !seen.contains($0) }
      .suffix(min(gap, most))
  }

  /// Not before this: the start of the next trial that is left.
  private func timeOfIssue(_ index: Int) -> Int64 {
    let next = tags.indices.filter { (tags[$0]?.index ?? -1) > index }
      .min { (tags[$0]?.index ?? 0) < (tags[$1]?.index ?? 0) }
    return next.flatMap { request.history.startTimes[$0] } ?? .max
  }
}
