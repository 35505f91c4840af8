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

  /// Trials of a same-named Experiment elsewhere stood on half of the points, the best among them, and
  /// those were never tried here.
  @Test(arguments: algorithms + ["random", "sobol", "grid"])
  func strangersUseUpNoPoints(_ algorithm: String) throws {
    let experiment = experiment(algorithm, [.int("x", "1", "5"), .int("y", "1", "5")])
    var strangers: [TrialFixture] = []
    for i in 0..<13 {
      let assignments = point(Double(1 + i / 5), Double(1 + i % 5))
      strangers.append(
        TrialFixture(
          "other-\(i)", .succeeded, assignments, objective: "-\(i)", startTime: Int64(i),
          completionTime: Int64(i + 1)))
    }
    var trials: [TrialFixture] = []
    for position in 0..<25 {
      let suggestion = try #require(
        try experiment.ask(1, after: strangers + trials, position: position).suggestions.first)
      trials.append(
        TrialFixture(
          suggestion.trialName, .succeeded, suggestion.assignments, objective: "\(position)",
          startTime: Int64(10 * position), completionTime: Int64(10 * position + 5)))
    }
    #expect(Set(trials.map { $0.assignments.map(\.value) }).count == 25)
  }

  /// The parallelism went down and up again: indices 0, 5 and 9 are still running. Points were drawn for
  /// the position, which some of them have, and came once more to the last bit; values that have been a
  /// text are not recognised to the last bit.
  @Test(arguments: algorithms) func runningTrialsAreNotDrawnAgain(_ algorithm: String) throws {
    for seed in 0..<20 {
      let experiment = ConformanceCase(algorithm).experiment(
        IssueNamesTests.specs + [.double("z", "-3", "7")],
        settings: .of(["random_state": "\(seed)"]))
      let first = try experiment.ask(10, after: [], position: 0).suggestions
      let running = [0, 5, 9].map {
        TrialFixture(first[$0].trialName, .running, first[$0].assignments)
      }
      let next = try experiment.ask(7, after: running, position: 3).suggestions
      for suggestion in next {
        #expect(!running.contains { $0.assignments == suggestion.assignments }, "seed \(seed)")
        #expect(!running.contains { $0.name == suggestion.trialName }, "seed \(seed)")
      }
    }
  }

  /// With initial points in front the position of a first reply's other suggestions is that of a later
  /// request, and when nobody saw the trials come and go, so was the digest: an Experiment whose metrics
  /// were all lost got stuck with names that were taken.
  @Test(arguments: algorithms) func namesDifferBehindInitialPoints(_ algorithm: String) throws {
    let initial = #"[{"x": 0.1}, {"x": 0.2}, {"x": 0.3}]"#
    let experiment = experiment(
      algorithm, settings: .of(["initial_points": initial]))
    var given: Set<String> = []
    for (count, position) in [(10, 0), (1, 3), (3, 1), (4, 2)] {
      let names = try experiment.ask(count, after: [], position: position).suggestions
        .map(\.trialName).filter { !$0.isEmpty }
      #expect(given.isDisjoint(with: names), "\(count) at \(position)")
      given.formUnion(names)
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
      // Those that vanished beside trials that did not fail are merely avoided.
      let failures = history.objectives.count { !$0.isFinite }
      #expect(history.evaluated.count - failures == shown.count)
      #expect(history.avoided.count + failures == expected.count)
    }
  }
}
