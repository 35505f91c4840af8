// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
public import ExperimentModel

/// An Experiment whose trials run one at a time.
public enum SequentialRun {
  /// Asks for one suggestion after the other and evaluates each at once.
  ///
  /// - Parameters:
  ///   - objective: the objective of a point; nil hides the trial from all later requests, as Katib
  ///     does with trials that report no metrics.
  /// - Returns: the assignments of every suggestion.
  public static func suggestions(
    _ count: Int, of experiment: Experiment,
    objective: (_ values: [String: String]) -> Double?
  ) throws -> [[Assignment]] {
    var trials: [TrialFixture] = []
    var all: [[Assignment]] = []
    for position in 0..<count {
      let reply = try experiment.ask(1, after: trials, position: position)
      guard let suggestion = reply.suggestions.first else { break }
      all.append(suggestion.assignments)
      let values = Dictionary(
        suggestion.assignments.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      guard let value = objective(values) else { continue }
      trials.append(
        TrialFixture(
          suggestion.trialName.isEmpty ? "trial-\(position)" : suggestion.trialName, .succeeded,
          suggestion.assignments, objective: NumberText.text(value), startTime: Int64(position),
          completionTime: Int64(position + 1)))
    }
    return all
  }
}
