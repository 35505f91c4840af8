// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import Algorithms
public import ExperimentModel

/// A trial as a request shows it: texts, a condition's number, times.
public struct TrialFixture: Sendable {
  public var name: String
  public var conditionNumber: Int
  public var assignments: [Assignment]
  /// Observed metrics in the order of the message.
  public var metrics: [Assignment]
  /// The objective metric that the trial itself names; empty for none.
  public var metricName: String
  public var startTime: Int64?
  public var completionTime: Int64?

  /// - Parameter objective: the text observed for `metricName`, or for "loss" where that is empty.
  public init(
    _ name: String, _ condition: TrialCondition = .succeeded, _ assignments: [Assignment],
    objective: String? = nil, metricName: String = "", startTime: Int64? = nil,
    completionTime: Int64? = nil
  ) {
    self.name = name
    conditionNumber = condition.rawValue
    self.assignments = assignments
    metrics =
      objective.map { [Assignment(name: metricName.isEmpty ? "loss" : metricName, value: $0)] }
      ?? []
    self.metricName = metricName
    self.startTime = startTime
    self.completionTime = completionTime
  }
}

extension History {
  /// The history that a request with these trials shows.
  public static func of(
    _ trials: [TrialFixture], space: SearchSpace, metricName: String = "loss",
    textAssignments: [String] = []
  ) -> History {
    var builder = HistoryBuilder(
      space: space, metricName: metricName, textAssignments: textAssignments,
      capacity: trials.count)
    for trial in trials {
      Array(trial.metricName.utf8).withUnsafeBufferPointer {
        builder.beginTrial(
          name: trial.name, conditionNumber: trial.conditionNumber, metricName: $0,
          startTime: trial.startTime, completionTime: trial.completionTime)
      }
      for assignment in trial.assignments {
        var (name, value) = (assignment.name, assignment.value)
        name.withUTF8 { name in value.withUTF8 { builder.assign(name, $0) } }
      }
      for metric in trial.metrics {
        var (name, value) = (metric.name, metric.value)
        name.withUTF8 { name in value.withUTF8 { builder.observe(name, $0) } }
      }
      builder.endTrial()
    }
    return builder.finish()
  }
}

extension Experiment {
  /// Asks the algorithm of this Experiment as the server does.
  /// - Parameters:
  ///   - position: the number of suggestions issued before; nil for the number of trials.
  ///   - drawnSeed: what the source of seeds gives where the Experiment has none.
  public func ask(
    _ count: Int, after trials: [TrialFixture] = [], position: Int? = nil,
    drawnSeed: UInt64 = 20_260_101, registry: Registry = .standard
  ) throws -> SuggestionReply {
    let problem = try Problem(self, registry: registry, strictness: .suggestion)
    let history = History.of(
      trials, space: problem.space, metricName: objective.metricName,
      textAssignments: problem.algorithm.textAssignments)
    return try problem.suggest(
      history: history, count: count, position: position ?? trials.count, namespace: "default",
      drawSeed: { drawnSeed }, checkCancellation: {})
  }

  /// What validation says: nil when nothing is wrong.
  public func refusal(registry: Registry = .standard) -> String? {
    do throws(InvalidExperiment) {
      _ = try Problem(self, registry: registry, strictness: .validation)
      return nil
    } catch {
      return error.message
    }
  }
}
