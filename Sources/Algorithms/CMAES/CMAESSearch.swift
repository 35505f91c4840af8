// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// `cmaes`: trials to points and back for `CMAESEngine`.
///
/// The engine replays the trials in the order in which they ended. Katib's times have a resolution
/// of one second, so the number of the issue rides in the trial name (`IssueNames`) and decides ties;
/// trials that somebody else named come after those of their second, by name.
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
    let ordered = problem.space.parameters.count(where: \.isOrdered)
    guard ordered <= AlgorithmLimits.covarianceParameters else {
      throw InvalidExperiment(
        "cmaes takes at most \(AlgorithmLimits.covarianceParameters) parameters with an order (DOUBLE, "
          + "INT, lists of numbers), since it adapts a covariance of them all; the Experiment has "
          + "\(ordered)")
    }
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let model = ModelSpace(request.space)
    let sigma = request.settings[CMAESSearch.sigma]
    var settings = CMAESEngine.Settings()
    settings.sigma = min(sigma, CMAESSearch.largestSigma)
    settings.restart = request.settings[CMAESSearch.restartStrategy].restart
    settings.seed = request.seed
    let engine = CMAESEngine(axes: model.axes, settings: settings)
    var reply = SuggestionReply(
      suggestions: try IssueNames(request).suggestions(in: model) { indices, history in
        try engine.suggest(
          indices: indices, history: history,
          checkCancellation: request.checkCancellation)
      })
    if sigma > CMAESSearch.largestSigma {
      reply.notices.append("sigma \(sigma) is taken for \(CMAESSearch.largestSigma)")
    }
    return reply
  }
}
