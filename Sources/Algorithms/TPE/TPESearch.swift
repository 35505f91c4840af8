// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// `tpe` and `multivariate-tpe`: trials to points and back for `TPEEngine`.
///
/// Katib's images differ (hyperopt and goptuna treat every parameter alone, optuna can treat them
/// together); one multivariate engine serves both names here, because the published ablations and
/// our own (docs/ablations-tpe.md) find it better. The names keep the settings of their images.
struct TPESearch: Algorithm {
  let name: String
  let summary: String
  let settings: [SettingRow]

  static let tpe = TPESearch(
    name: "tpe",
    summary: "Tree-structured Parzen estimator: models where good and bad trials lie and tries the "
      + "most promising points. Fast, for any mixture of parameters, from about 20 trials on.",
    settings: [gamma.row, priorWeight.row, candidates.row, candidatesLower.row, startup.row])

  static let multivariate = TPESearch(
    name: "multivariate-tpe",
    summary: "The tree-structured Parzen estimator with the settings of Katib's multivariate-tpe "
      + "image. The engine is the same as that of tpe.",
    settings: [candidatesAlone.row, startup.row])

  private static let gamma = Setting<Double?>.number(
    "gamma", defaultText: "none: 15 % of the trials count as good",
    valid: "a number in (0, 1)",
    summary: "With n trials, ceil(gamma * sqrt(n)) of them (at most 25) count as good.",
    refusal: { name, _ in "\(name) should be in the range of (0, 1)" },
    accepts: { $0 > 0 && $0 < 1 })
  private static let priorWeight = Setting<Double>.number(
    "prior_weight", default: 1, valid: "a number greater than 0",
    summary: "Weight of the declared distribution, in observations.",
    refusal: { name, _ in "\(name) should be great than zero" }, accepts: { $0 > 0 })
  private static let candidates = Setting<Int?>.whole(
    "n_EI_candidates", defaultText: "24", atLeast: 1,
    summary: "Points drawn, of which the most promising one is suggested; more than "
      + "\(AlgorithmLimits.candidates) mean \(AlgorithmLimits.candidates).",
    refusal: { name, _ in "\(name) should be great than zero" })
  private static let candidatesLower = lowerCandidates(
    "The same under the name that other images use; n_EI_candidates wins, 0 means 1.")
  private static let candidatesAlone = lowerCandidates(
    "Points drawn, of which the most promising one is suggested; 0 means 1, and more than "
      + "\(AlgorithmLimits.candidates) mean \(AlgorithmLimits.candidates).")

  private static func lowerCandidates(_ summary: String) -> Setting<Int> {
    .whole("n_ei_candidates", default: 24, atLeast: 0, summary: summary)
  }

  private static let startup = Setting<Int>.whole(
    "n_startup_trials", default: 5, atLeast: 0,
    summary: "Suggestions that spread evenly before the model takes over.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let model = ModelSpace(request.space)
    let wanted =
      request.settings[TPESearch.candidates] ?? max(1, request.settings[TPESearch.candidatesLower])
    var settings = TPEEngine.Settings()
    settings.gamma = request.settings[TPESearch.gamma]
    settings.priorWeight = request.settings[TPESearch.priorWeight]
    settings.candidateCount = min(wanted, AlgorithmLimits.candidates)
    settings.startupCount = request.settings[TPESearch.startup]
    settings.seed = request.seed
    var reply = SuggestionReply(
      suggestions: try IssueNames(request).suggestions(in: model) { indices, history in
        let design = SobolSequence(dimension: model.axes.count, seed: request.seed)
        let engine = TPEEngine(
          axes: model.axes, settings: settings, startup: { design.point(at: UInt64($0)) })
        return try engine.suggest(
          indices: indices, history: history,
          checkCancellation: request.checkCancellation)
      })
    if wanted > AlgorithmLimits.candidates {
      reply.notices.append("\(wanted) candidates are taken for \(AlgorithmLimits.candidates)")
    }
    return reply
  }
}
