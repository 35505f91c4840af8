// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// `cmaes`: trials to points and back for `CMAESEngine`.
///
/// The engine replays the trials in the order in which they ended. Katib's times have a resolution
/// of one second, so the number of the issue rides in the trial name and decides ties; trials that
/// somebody else named come after those of their second, by name.
struct CMAESSearch: Algorithm {
  let name = "cmaes"
  let summary =
    "Covariance matrix adaptation: moves and shapes a normal distribution over the space towards "
    + "better points. For at least two DOUBLE or INT parameters and a hundred trials or more."
  let settings = [sigma.row, restartStrategy.row]
  let acceptsUnknownSettings = true

  enum RestartStrategy: String, CaseIterable, Sendable {
    case none, ipop, bipop
    case pythonNone = "None"

    var restart: CMAESEngine.Restart {
      switch self {
      case .ipop: .ipop
      case .bipop: .bipop
      case .none, .pythonNone: .none
      }
    }
  }

  private static let largestSigma = 0.5
  private static let sigma = Setting<Double>.number(
    "sigma", default: 0, valid: "a number, at least 0",
    summary: "First step size, in units of each parameter's range; 0 chooses 1/6, more than 0.5 "
      + "is taken for 0.5.", accepts: { $0 >= 0 })
  private static let restartStrategy = Setting<RestartStrategy>.choice(
    "restart_strategy", default: .none,
    summary: "What follows when the distribution has shrunk: a larger population (ipop), larger "
      + "and smaller ones in turn (bipop), or nothing.")

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    let numeric = problem.space.parameters.filter { $0.kind == .double || $0.kind == .int }
    guard numeric.count >= 2 else {
      throw InvalidExperiment(
        "cmaes needs at least two parameters of type DOUBLE or INT, the Experiment has "
          + "\(numeric.count)")
    }
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let model = ModelSpace(request.space)
    let sigma = request.settings[CMAESSearch.sigma]
    let naming = TrialNaming(request)
    let tags = naming.tags(request.history)
    var indices = IssueIndices(
      position: request.position, taken: tags.compactMap { $0?.index })
    var reply: SuggestionReply
    if model.axes.isEmpty {
      reply = request.constantReply(model)
    } else {
      var settings = CMAESEngine.Settings()
      settings.sigma = min(sigma, CMAESSearch.largestSigma)
      settings.restart = request.settings[CMAESSearch.restartStrategy].restart
      settings.seed = request.seed
      let points = try CMAESEngine(axes: model.axes, settings: settings).suggest(
        count: request.count, position: request.position,
        history: model.history(request, order: CMAESSearch.order(request.history, tags)),
        checkCancellation: request.checkCancellation)
      reply = SuggestionReply(
        suggestions: (0..<points.count).map {
          Suggestion(assignments: model.assignments(points[$0]))
        })
    }
    let detail = CMAESSearch.digest(request.history)
    for i in reply.suggestions.indices {
      reply.suggestions[i].trialName = naming.name(index: indices.next(), detail: detail)
    }
    if sigma > CMAESSearch.largestSigma {
      reply.notices.append("sigma \(sigma) is taken for \(CMAESSearch.largestSigma)")
    }
    return reply
  }

  /// A digest of what the history shows.
  ///
  /// An index can be issued twice: the controller lowers the parallelism, the position falls, and a
  /// trial above it may be invisible (its metrics are unavailable) while its name is still taken.
  /// The history has changed by then, so the digest makes another name of the same index; the same
  /// request still gets the same names.
  private static func digest(_ history: History) -> UInt32 {
    var hash: UInt64 = 0
    for trial in 0..<history.count {
      hash = RandomSource.mix(hash ^ UInt64(history.conditions[trial].rawValue))
      for byte in history.names[trial].utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
      }
    }
    return UInt32(truncatingIfNeeded: RandomSource.mix(hash))
  }

  /// The trials by the time at which they ended, by issue within a second.
  private static func order(_ history: History, _ tags: [TrialNaming.Tag?]) -> [Int] {
    let indices = tags.map { $0?.index ?? .max }
    let times = (0..<history.count).map(history.eventTime)
    // Canonical order settles what is left, so equal keys keep their places.
    return (0..<history.count).sorted {
      (times[$0], indices[$0], $0) < (times[$1], indices[$1], $1)
    }
  }
}
