// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// `darts`: hands the search over to the trial.
///
/// Liu, Simonyan and Yang, "DARTS: Differentiable architecture search", ICLR 2019. The whole
/// search is one trial: it relaxes the choice among operations to a mixture and trains the
/// mixture's weights together with the network's. A suggestion is therefore no point of a space
/// but the task itself, in three texts: the settings, the names of the operations, the number of
/// layers.
///
/// What surprises: all suggestions of an Experiment are identical, whatever the history; and every
/// setting is passed on, also one that nobody here has heard of, because the trial's image may be
/// the user's own. Only the settings that this server adds to Katib's stay here.
struct DARTSSearch: Algorithm {
  let name = "darts"
  let summary =
    "Differentiable architecture search: passes settings, operations and the number of layers on "
    + "to the trial, which does the whole search. All suggestions are identical, so one trial is "
    + "enough; random_state and failed_trials change nothing."
  let settings = DARTSSettings.rows.map(\.row)
  let acceptsUnknownSettings = true
  let passesUnknownSettingsOn = true
  let seeding = Seeding.experimentName
  let acceptsInitialPoints = false

  /// The type of operation that has no filter size.
  static let skipConnection = "skip_connection"

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    let architecture = problem.experiment.neuralArchitecture
    _ = try operationNames(problem)
    let layers = architecture?.layerCount ?? 0
    guard layers >= 1 else {
      throw InvalidExperiment(
        "nas_config.graph_config.num_layers is \(layers), it must be at least 1")
    }
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    SuggestionReply(
      suggestions: Array(repeating: try task(request.problem), count: request.count))
  }

  func largestSuggestionBytes(_ problem: Problem) -> Int? {
    let assignments = (try? task(problem))?.assignments ?? []
    // Lengths and tags around them.
    return assignments.reduce(8) { $0 + $1.name.utf8.count + $1.value.utf8.count + 12 }
  }

  /// The one suggestion there is.
  private func task(_ problem: Problem) throws(InvalidExperiment) -> Suggestion {
    let experiment = problem.experiment
    let names = try operationNames(problem)
    return Suggestion(assignments: [
      Assignment(
        name: "algorithm-settings", value: DARTSSettings.json(experiment.algorithmSettings)),
      Assignment(
        name: "search-space", value: PythonJSON.array(names.map(PythonJSON.string))),
      Assignment(
        name: "num-layers", value: String(experiment.neuralArchitecture?.layerCount ?? 0)),
    ])
  }

  /// `<type>_<size>x<size>` for every value of an operation's first parameter, the filter size.
  private func operationNames(_ problem: Problem) throws(InvalidExperiment) -> [String] {
    let kinds = try (problem.experiment.neuralArchitecture ?? NeuralArchitecture())
      .operationKinds(parameterless: [DARTSSearch.skipConnection])
    var names: [String] = []
    for kind in kinds {
      guard kind.type != DARTSSearch.skipConnection, let size = kind.parameters.first else {
        names.append(kind.type)
        continue
      }
      guard size.count <= AlgorithmLimits.operations - names.count else {
        throw InvalidExperiment(
          "the operations have more than \(AlgorithmLimits.operations) filter sizes in all, of "
            + "which operation \(Quoted.text(kind.type)) has \(size.count); there must be fewer")
      }
      for i in 0..<size.count { names.append("\(kind.type)_\(size.text(i))x\(size.text(i))") }
    }
    return names
  }
}
