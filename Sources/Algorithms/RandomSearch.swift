// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Independent draws from the declared distributions.
///
/// Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012. What
/// surprises: draws are not quite independent here. A point that the history already holds is
/// drawn again, because on a small space a tenth of a user's trials would otherwise be repeats. Where
/// points can be used up trials have names of ours, so that those of a same-named Experiment elsewhere
/// use up none.
struct RandomSearch: Algorithm {
  let name = "random"
  let summary =
    "Draws every point independently from the declared distributions, avoiding points already "
    + "tried. A baseline that any parallelism suits; good when nothing is known."

  /// Redraws before a finite space is walked instead. Up to half of a space may be seen and this
  /// many draws all fail once in 10^9 cases.
  private static let redraws = 30

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let names = request.space.isFinite ? IssueNames(request) : nil
    var seen = SeenPoints(request, own: names?.own)
    var suggestions: [Suggestion] = []
    suggestions.reserveCapacity(request.count)
    for i in 0..<request.count {
      try request.checkCancellation()
      var random = RandomSource(
        seed: request.seed, purpose: "random search", index: UInt64(request.position + i))
      let first = RandomSearch.draw(request.space, &random)
      var point = first
      var redraws = 0
      while seen.contains(point), redraws < RandomSearch.redraws, !seen.isExhausted {
        point = RandomSearch.draw(request.space, &random)
        redraws += 1
      }
      if seen.contains(point) {
        // A space that is used up repeats: the reply must hold what was asked for.
        point = seen.firstUnseen(from: point) ?? first
      }
      if i + 1 < request.count { seen.insert(point) }
      suggestions.append(Suggestion(assignments: request.space.assignments(coordinates: point)))
    }
    names?.name(&suggestions)
    return SuggestionReply(suggestions: suggestions)
  }

  private static func draw(_ space: SearchSpace, _ random: inout RandomSource) -> [Double] {
    space.parameters.map { $0.coordinate(unit: random.uniform()) }
  }
}
