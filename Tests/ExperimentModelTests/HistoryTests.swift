// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ExperimentModel

@Suite struct HistoryTests {
  static let specs: [ParameterSpec] = [.double("x", "0", "1"), .categorical("c", ["a", "b"])]

  func space() throws -> SearchSpace { try SearchSpace(HistoryTests.specs) }

  func trial(
    _ name: String, _ condition: TrialCondition = .succeeded, x: String = "0.5", c: String = "a",
    objective: String? = "1", start: Int64? = nil, completion: Int64? = nil
  ) -> TrialFixture {
    TrialFixture(
      name, condition, [Assignment(name: "x", value: x), Assignment(name: "c", value: c)],
      objective: objective, startTime: start, completionTime: completion)
  }

  /// By completion, else start, else last; then by name.
  @Test func theOrderIsCanonical() throws {
    let trials = [
      trial("pending-b", .running), trial("pending-a", .created),
      trial("late", completion: 30), trial("stopped", .earlyStopped, start: 20),
      trial("early", start: 5, completion: 10), trial("tie-b", completion: 15),
      trial("tie-a", completion: 15), trial("before-1970", completion: -5),
    ]
    let expected = [
      "before-1970", "early", "tie-a", "tie-b", "stopped", "late", "pending-a", "pending-b",
    ]
    for seed: UInt64 in 0..<50 {
      let history = History.of(
        ExamplePoints.shuffled(trials, seed: seed), space: try space())
      #expect(history.names == expected, "seed \(seed)")
    }
  }

  /// A same-named Experiment elsewhere may have trials of the same names: any difference between
  /// two trials decides, so that the order of arrival never shows.
  @Test func equalNamesAreOrderedByContent() throws {
    let trials = [
      trial("t", completion: 5), trial("t", start: 5), trial("t", start: 1, completion: 5),
      trial("t", start: 2, completion: 5), trial("t", .failed, completion: 5),
      trial("t", objective: "2", completion: 5), trial("t", objective: nil, completion: 5),
      trial("t", x: "0.25", completion: 5), trial("t", x: "junk", completion: 5),
      trial("t", c: "b", completion: 5), trial("t", completion: 5),
    ]
    func content(_ history: History) -> [String] {
      (0..<history.count).map { i in
        "\(history.names[i]) \(history.conditions[i]) \(String(describing: history.startTimes[i])) "
          + "\(String(describing: history.completionTimes[i])) \(history.objectives[i]) "
          + "\(history.readings(ofTrial: i)) \(history.texts.map { $0[i] ?? "nil" })"
      }
    }
    let space = try space()
    let expected = content(History.of(trials, space: space, textAssignments: ["c"]))
    #expect(Set(expected).count == trials.count - 1)
    for seed: UInt64 in 0..<50 {
      let shuffled = ExamplePoints.shuffled(trials, seed: seed)
      let history = History.of(shuffled, space: space, textAssignments: ["c"])
      #expect(content(history) == expected, "seed \(seed)")
    }
  }

  @Test(
    arguments: [
      (0, "1", TrialRole.pending), (1, "1", .pending), (2, "1", .finished), (2, "nan", .failed),
      (2, nil, .failed), (2, "unavailable", .failed), (2, "", .failed), (2, "-inf", .failed),
      (3, "1", .killed), (3, nil, .killed), (4, "1", .failed), (4, nil, .failed), (5, nil, .failed),
      (6, "1", .finished), (6, nil, .failed), (7, "1", .pending), (8, "1", .pending),
      (-1, nil, .pending), (99, nil, .pending),
    ] as [(Int, String?, TrialRole)])
  func rolesFollowConditionAndObjective(
    _ condition: Int, _ objective: String?, _ role: TrialRole
  ) throws {
    var trial = trial("t", objective: objective)
    trial.conditionNumber = condition
    let history = History.of([trial], space: try space())
    #expect(history.role(0) == role)
  }

  @Test func readingsAreNumbersOrCategories() throws {
    let history = History.of(
      [
        trial("0", x: "0.25", c: "b"), trial("1", x: " 1e-1 ", c: "B"), trial("2", x: "x", c: ""),
        TrialFixture("3", .succeeded, []),
      ], space: try space())
    #expect(history.readings(ofTrial: 0) == [0.25, 1])
    #expect(history.readings[0][1] == 0.1 && history.readings[1][1].isNaN)
    #expect(history.readings(ofTrial: 2).allSatisfy { $0.isNaN })
    #expect(history.readings(ofTrial: 3).allSatisfy { $0.isNaN })
  }

  /// In any order, with strangers between; of a repeated name the last one stays.
  @Test func assignmentsComeInAnyOrder() throws {
    let assignments = [
      Assignment(name: "c", value: "a"), Assignment(name: "y", value: "9"),
      Assignment(name: "x", value: "0.1"), Assignment(name: "c", value: "b"),
      Assignment(name: "x", value: "0.75"), Assignment(name: "", value: ""),
    ]
    let history = History.of([TrialFixture("t", .succeeded, assignments)], space: try space())
    #expect(history.readings(ofTrial: 0) == [0.75, 1])
  }

  /// For algorithms whose assignments are no parameters, or which want a parameter's very text.
  @Test func textAssignmentsAreKept() throws {
    let assignments = [
      Assignment(name: "architecture", value: "[[1]]"), Assignment(name: "x", value: "0.50"),
    ]
    let history = History.of(
      [TrialFixture("a", .succeeded, assignments), TrialFixture("b", .succeeded, [])],
      space: try space(), textAssignments: ["x", "architecture", "missing"])
    #expect(history.texts == [["0.50", nil], ["[[1]]", nil], [nil, nil]])
    #expect(history.readings[0][0] == 0.5)
  }

  @Test func theTrialsOwnMetricNameComesFirst() throws {
    func objective(_ own: String, _ metrics: KeyValuePairs<String, String>) throws -> Double {
      var trial = trial("t", objective: nil)
      trial.metricName = own
      trial.metrics = metrics.map { Assignment(name: $0.key, value: $0.value) }
      return History.of([trial], space: try space(), metricName: "loss").objectives[0]
    }
    #expect(try objective("", ["accuracy": "1", "loss": "2"]) == 2)
    #expect(try objective("accuracy", ["accuracy": "1", "loss": "2"]) == 1)
    #expect(try objective("loss", ["loss": "2", "loss": "3"]) == 3)
    #expect(try objective("accuracy", ["loss": "2"]).isNaN)
    #expect(try objective("", [:]).isNaN)
  }

  /// The own metric name of one trial does not leak into the next.
  @Test func metricNamesArePerTrial() throws {
    let own = TrialFixture("a", .succeeded, [], objective: "1", metricName: "accuracy")
    let history = History.of([own, trial("b", objective: "2")], space: try space())
    #expect(history.objectives == [1, 2])
  }

  @Test func times() throws {
    let history = History.of(
      [
        trial("a", start: 10, completion: 15), trial("b", start: 20), trial("c", completion: 30),
        trial("d", start: 50, completion: 40), trial("e"),
      ], space: try space())
    #expect(history.names == ["a", "b", "c", "d", "e"])
    #expect((0..<5).map { history.duration($0) } == [5, nil, nil, nil, nil])
    #expect((0..<5).map { history.eventTime($0) } == [15, 20, 30, 40, .max])
  }

  @Test func reorderingKeepsColumnsTogether() throws {
    let trials = (0..<5).map { trial("t\($0)", x: "0.\($0)", objective: "\($0)", start: Int64($0)) }
    let history = History.of(trials, space: try space(), textAssignments: ["x"])
    let other = history.reordered([3, 0])
    #expect(other.names == ["t3", "t0"] && other.objectives == [3, 0] && other.count == 2)
    #expect(other.readings[0] == [0.3, 0] && other.texts == [["0.3", "0.0"]])
    #expect(other.startTimes == [3, 0] && other.completionTimes == [nil, nil])
  }
}
