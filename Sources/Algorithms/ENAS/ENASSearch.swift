// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// `enas`: trials to architectures and back for `ENASEngine`.
///
/// The trials of the history are understood by the text of their assignment `architecture` alone.
/// What surprises: an architecture that does not fit the present search (another number of layers,
/// an operation that does not exist) is no error. Its trial belongs to somebody else and is passed
/// over.
struct ENASSearch: Algorithm {
  let name = "enas"
  let summary =
    "Architecture search: an LSTM controller trained by REINFORCE on the reward of every finished "
    + "trial, and regularised evolution, take turns at proposing networks. For experiments with a "
    + "nas_config; from about 30 trials on."
  let settings = ENASSettings.rows
  let seeding = Seeding.experimentName
  let acceptsInitialPoints = false
  let textAssignments = [NetworkSpace.architectureName]

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    _ = try NetworkSpace(problem.experiment.neuralArchitecture)
    try problem.experiment.neuralArchitecture?.checkSizes()
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let network = try NetworkSpace(request.experiment.neuralArchitecture)
    let (training, notices) = ENASSettings.training(request.settings)
    let engine = ENASEngine(space: network.shape, training: training, seed: request.seed)
    let architectures = try engine.suggest(
      count: request.count, position: request.position,
      history: ENASSearch.history(request, network.shape),
      checkCancellation: request.checkCancellation)
    return SuggestionReply(
      suggestions: architectures.map { Suggestion(assignments: network.assignments($0)) },
      notices: notices)
  }

  func largestSuggestionBytes(_ problem: Problem) -> Int? {
    (try? NetworkSpace(problem.experiment.neuralArchitecture))?.largestSuggestionBytes ?? 0
  }

  /// The trials in the order in which they ended, and every architecture that was ever handed out.
  private static func history(
    _ request: SuggestionRequest, _ space: ArchitectureSpace
  ) -> ArchitectureHistory {
    let trials = request.history
    let sign = request.experiment.objective.direction == .maximize ? 1.0 : -1.0
    let ignoresFailures = request.settings[CommonSettings.failedTrials] == .ignore
    var history = ArchitectureHistory()
    guard let texts = trials.texts.first else { return history }
    for trial in 0..<trials.count {
      guard let text = texts[trial], let architecture = Architecture(text, in: space)
      else { continue }
      history.seen.insert(architecture)
      switch trials.role(trial) {
      case .finished:
        history.evaluated.append((architecture, sign * trials.objectives[trial]))
      case .failed where !ignoresFailures: history.evaluated.append((architecture, nil))
      case .failed, .pending, .killed: break
      }
    }
    return history
  }
}
