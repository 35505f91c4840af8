// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// A scrambled Sobol sequence over the declared distributions: random search without the clumps
/// and gaps of chance (Bousquet et al., "Critical hyper-parameters: no random, no cry", 2017).
///
/// Suggestion number i is point i of the sequence, counted after the initial points; parameters
/// take the sequence's dimensions in the order of the spec. A parameter with a single value takes
/// none, since the first dimensions are the best ones.
///
/// What surprises: a point that the history already holds is passed over, and the next one of the
/// sequence taken. On continuous spaces that happens only where the controller deleted trials and
/// asks for their numbers again; on a small finite space it keeps every trial a new one, until the
/// space is used up. There trials have names of ours, so that those of a same-named Experiment
/// elsewhere use up none.
struct SobolSearch: Algorithm {
  let name = "sobol"
  let summary =
    "Walks a scrambled Sobol sequence, which covers the space more evenly than random points do. "
    + "A good baseline at any parallelism; the first 2^m points are balanced in every parameter."
  let acceptsUnknownSettings = true
  let seeding = Seeding.zero

  /// How far ahead of a suggestion's own point the sequence is tried, before a finite space is
  /// walked instead.
  private static let reach: UInt64 = 64

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let parameters = request.space.parameters
    let sequence = SobolSequence(
      dimension: parameters.count { !$0.isConstant }, seed: request.seed)
    func point(_ index: UInt64) -> [Double] {
      var units = sequence.point(at: index).makeIterator()
      return parameters.map {
        $0.coordinate(unit: $0.isConstant ? 0 : units.next() ?? 0)
      }
    }

    let names = request.space.isFinite ? IssueNames(request) : nil
    var seen = SeenPoints(request, own: names?.own)
    let start = UInt64(max(0, request.position - request.problem.initialPointCount))
    var next = start
    var suggestions: [Suggestion] = []
    suggestions.reserveCapacity(request.count)
    for i in 0..<UInt64(request.count) {
      try request.checkCancellation()
      let own = start + i
      next = max(next, own)
      // On a continuous space each seen point stops the walk once; the cells of a finite one come
      // again and again.
      let last = own + SobolSearch.reach + UInt64(seen.spaceIsFinite ? 0 : seen.count)
      var candidate = point(next)
      while seen.contains(candidate), next < last, !seen.isExhausted {
        next += 1
        candidate = point(next)
      }
      if seen.contains(candidate) {
        // A space that is used up repeats: the reply must hold what was asked for.
        candidate = point(own)
        candidate = seen.firstUnseen(from: candidate) ?? candidate
      }
      seen.insert(candidate)
      suggestions.append(Suggestion(assignments: request.space.assignments(coordinates: candidate)))
    }
    names?.name(&suggestions)
    return SuggestionReply(
      suggestions: suggestions,
      notices: request.problem.unknownSettings.map {
        "sobol passes over the setting \(Quoted.text($0)), which it does not know"
      })
  }
}
