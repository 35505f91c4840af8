// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct IssueNamesTests {
  static let algorithms = ["tpe", "multivariate-tpe", "bayesianoptimization", "cmaes"]
  static let specs: [ParameterSpec] = [.double("x", "0", "1"), .double("y", "0", "1")]

  private func experiment(
    _ algorithm: String, _ specs: [ParameterSpec] = specs, settings: [SettingText] = []
  ) -> Experiment {
    let row = ConformanceCase.all.first { $0.algorithm == algorithm }
    return (row ?? ConformanceCase(algorithm)).experiment(
      specs, settings: .of(["random_state": "4"]) + settings)
  }

  private func point(_ x: Double, _ y: Double) -> [Assignment] {
    [
      Assignment(name: "x", value: NumberText.text(x)),
      Assignment(name: "y", value: NumberText.text(y)),
    ]
  }

  /// Trials that somebody else named, and that lead elsewhere.
  private func unnamed(_ count: Int) -> [TrialFixture] {
    (0..<count).map { i in
      TrialFixture(
        "other-\(i)", .succeeded, point(0.9 + Double(i) * 1e-4, 0.9), objective: "-\(i)",
        startTime: Int64(i), completionTime: Int64(i + 1))
    }
  }

  /// Trials as the algorithm itself would have named them.
  private func own(
    _ count: Int, of experiment: Experiment, from first: Int = 0
  ) throws -> [TrialFixture] {
    var trials: [TrialFixture] = []
    for position in first..<first + count {
      let suggestion = try #require(
        try experiment.ask(1, after: trials, position: position).suggestions.first)
      let numbers = suggestion.assignments.map { NumberText.parse($0.value) ?? .nan }
      let loss = (numbers[0] - 0.2) * (numbers[0] - 0.2) + (numbers[1] - 0.2) * (numbers[1] - 0.2)
      trials.append(
        TrialFixture(
          suggestion.trialName, .succeeded, suggestion.assignments,
          objective: NumberText.text(loss), startTime: Int64(10 * position),
          completionTime: Int64(10 * position + 5)))
    }
    return trials
  }

  /// The controller also shows the trials of a same-named Experiment in another namespace. cmaes once
  /// followed 200 of them from an optimum at 0.2 to theirs at 0.9.
  @Test(arguments: algorithms) func strangersTellNothing(_ algorithm: String) throws {
    let experiment = experiment(algorithm)
    let trials = try own(20, of: experiment)
    let strangers = unnamed(200)
    let alone = try experiment.ask(4, after: trials, position: 20)
    let together = try experiment.ask(4, after: strangers + trials, position: 20)
    #expect(together.suggestions.map(\.assignments) == alone.suggestions.map(\.assignments))
    // Hidden trials leave no room for them either: the first name of ours is number 0.
    let hidden = try experiment.ask(4, after: Array(trials.dropLast(5)), position: 20)
    let filled = try experiment.ask(4, after: strangers + trials.dropLast(5), position: 20)
    #expect(filled.suggestions.map(\.assignments) == hidden.suggestions.map(\.assignments))
  }

  /// Trials without a name of ours are own ones where they can have come before ours: the Experiment was
  /// begun with another image.
  @Test(arguments: algorithms) func trialsOfAnotherImageTell(_ algorithm: String) throws {
    let experiment = experiment(algorithm)
    let trials = try own(20, of: experiment, from: 200)
    let before = unnamed(200)
    let alone = try experiment.ask(4, after: trials, position: 220)
    let adopted = try experiment.ask(4, after: before + trials, position: 220)
    #expect(adopted.suggestions.map(\.assignments) != alone.suggestions.map(\.assignments))
    #expect(
      [nil, TrialNaming.Tag(index: 7, detail: 0)].map { tag in
        TrialNaming.roomForOthers(beside: [tag], position: 30)
      } == [30, 7])
    // Names carry no index beyond the largest.
    #expect(
      TrialNaming.roomForOthers(
        beside: [TrialNaming.Tag(index: 0, detail: 0)], position: 1 << 15 + 9) == 9)
  }

  /// What vanished is proposed once more from what was known then, also if others have ended since.
  @Test(arguments: algorithms) func pointsOfVanishedTrialsAreFound(_ algorithm: String) throws {
    let experiment = experiment(
      algorithm, [.int("x", "0", "15"), .int("y", "0", "15")])
    let all = try own(30, of: experiment)
    for seed: UInt64 in 0..<5 {
      var random = RandomSource(seed: seed, purpose: "vanished test")
      var trials = all
      let hidden = trials.remove(at: 20 + random.uniform(below: trials.count - 20))
      let reply = try experiment.ask(100, after: trials, position: 30).suggestions
      let again = reply.filter { $0.assignments == hidden.assignments }
      #expect(again.isEmpty, "seed \(seed): \(hidden.name)")
    }
  }

  /// Only what is missing counts as vanished: not more trials than the position is ahead of those
  /// that show, and none in a history that is whole.
  @Test func aWholeHistoryIsTakenAsItIs() throws {
    let problem = try Problem(
      experiment("tpe"), registry: .standard, strictness: .suggestion)
    let trials = try own(12, of: experiment("tpe"))
    let cases: [(shown: [TrialFixture], position: Int, missing: [Int])] = [
      (trials, 12, []), (trials, 3, []), (Array(trials.dropLast(2)), 12, [10, 11]),
      (Array(trials.dropFirst(2)), 12, [0, 1]), (Array(trials.dropFirst(2)), 11, [1]),
      ([], 3, [0, 1, 2]),
    ]
    for (shown, position, expected) in cases {
      let request = SuggestionRequest(
        problem: problem, history: History.of(shown, space: problem.space), count: 1,
        position: position, seed: 4, namespace: "default", alreadyInReply: [],
        checkCancellation: {})
      var asked: [Int] = []
      let model = ModelSpace(problem.space)
      let history = try IssueNames(request).history(in: model, most: 64, values: 400_000) {
        index, known in
        asked.append(index)
        #expect(known.evaluated.count <= index)
        return [0.5, 0.5]
      }
      #expect(asked == expected)
      #expect(history.evaluated.count == shown.count + expected.count)
      #expect(history.objectives.suffix(expected.count).allSatisfy { $0.isNaN })
    }
  }
}
