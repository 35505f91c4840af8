// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// `pbt`: a population of models trained side by side, the worse ones replaced by changed copies
/// of the better ones.
///
/// Jaderberg et al., "Population based training of neural networks", arXiv 1711.09846, 2017. Each
/// trial trains one member for one interval, beginning from the checkpoint in its folder and
/// leaving its own there. After it the member is *exploited* (a bad one takes the weights and the
/// hyperparameters of a good one, see `Selection`) and *explored* (its hyperparameters change, see
/// `Exploration`); the next trial goes on from there. So what comes out is a schedule of
/// hyperparameters, not a fixed setting, at the cost of a single training run per member.
///
/// Nothing of this is kept: generations, parents and who still waits for a successor are read from
/// trial names (`LineageNames`, `Population`, `Succession`). The folders are the server's
/// business (`CheckpointFolder`).
///
/// What surprises: the next generation does not wait for the last one. A slot that must be filled
/// while members still run goes to the successor of one that has finished.
struct PopulationBasedTraining: Algorithm {
  let name = "pbt"
  let summary =
    "Population-based training: trains a population in generations of short trials that hand on "
    + "checkpoints; bad members are replaced by copies of good ones, and all change their "
    + "hyperparameters on the way. Needs a volume (resumePolicy FromVolume) and trials that load "
    + "and save a checkpoint in suggestion_trial_dir."
  let settings = [
    suggestionTrialDirectory.row, populationSize.row, truncationThreshold.row,
    resampleProbability.row, failedTrials.row,
  ]
  let placesInitialPoints = true
  let keepsCheckpoints = true

  static let generationLabel = "pbt.suggestion.katib.kubeflow.org/generation"
  static let parentLabel = "pbt.suggestion.katib.kubeflow.org/parent"

  private static let suggestionTrialDirectory = Setting<String>(
    "suggestion_trial_dir", default: "", defaultText: "",
    valid: "a path in the trials' containers",
    summary: "Where a trial's container finds its checkpoint folder: Katib mounts it there.",
    parse: { $0 }, accepts: { !$0.isEmpty })
  private static let populationSize = Setting<Int>(
    "n_population", default: 5, defaultText: "", valid: "a whole number, at least 5",
    summary: "Members of the population: a generation is complete when so many of its trials have "
      + "finished.",
    parse: SettingParse.whole, accepts: { $0 >= 5 })
  private static let truncationThreshold = Setting<Double>(
    "truncation_threshold", default: 0.2, defaultText: "", valid: "a number from 0 to 1",
    summary: "The part of a generation that is replaced, the worst, and the part that it is "
      + "replaced from, the best.",
    parse: { NumberText.parse($0) }, accepts: { (0...1).contains($0) })
  private static let resampleProbability = Setting<Double?>.number(
    "resample_probability", defaultText: "none: every hyperparameter is perturbed",
    valid: "a number from 0 to 1",
    summary: "The probability with which a hyperparameter is drawn anew from parent to child; "
      + "otherwise it is kept. Without this setting each one is perturbed instead: numbers by the "
      + "factor 0.8 or 1.2, lists by one entry up or down.",
    accepts: { (0...1).contains($0) })

  private static let failedTrials = Setting<CommonSettings.FailedTrials>.choice(
    "failed_trials", default: .penalize,
    summary: "A failed trial is issued again with the same hyperparameters and checkpoint: up to "
      + "its failure number \(Succession.attempts) (penalize), or without end (ignore). Killed ones "
      + "are issued again always.")

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    var breeding = Breeding(
      request, size: request.settings[PopulationBasedTraining.populationSize],
      threshold: request.settings[PopulationBasedTraining.truncationThreshold],
      resampleProbability: request.settings[PopulationBasedTraining.resampleProbability])
    var reply = SuggestionReply(suggestions: [])
    reply.suggestions.reserveCapacity(request.count)
    var initialPoints = request.initialPoints()
    for _ in 0..<request.count {
      try request.checkCancellation()
      let offspring = breeding.next(initialPoint: initialPoints.popFirst())
      reply.suggestions.append(suggestion(offspring, request.space))
      reply.checkpoints.append(
        CheckpointFolder(trialName: offspring.name, parentName: offspring.parentName))
    }
    return reply
  }

  private func suggestion(_ offspring: Breeding.Offspring, _ space: SearchSpace) -> Suggestion {
    var labels = [
      SettingText(
        name: PopulationBasedTraining.generationLabel, value: String(offspring.generation))
    ]
    if let parent = offspring.parentName {
      labels.append(SettingText(name: PopulationBasedTraining.parentLabel, value: parent))
    }
    return Suggestion(
      assignments: zip(space.parameters, offspring.readings).map {
        Assignment(name: $0.name, value: $0.text(ofReading: $1))
      },
      trialName: offspring.name, labels: labels)
  }
}
