// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct PopulationTests {
  private func name(_ index: Int, _ origin: LineageNames.Origin, _ generation: Int) throws -> String
  {
    LineageNames(try SuggestionRequest.of([])).name(
      index: index, origin: origin, generation: generation)
  }

  /// The generations of the trials, in the order given, however the request shuffles them.
  private func generations(
    _ trials: [TrialFixture], size: Int = 5, position: Int? = nil
  ) throws -> [Int?] {
    var results: [[Int?]] = []
    for seed: UInt64 in 0..<3 {
      let request = try SuggestionRequest.of(
        ExamplePoints.shuffled(trials, seed: seed), position: position)
      let population = Population(request, names: LineageNames(request), size: size)
      results.append(
        trials.map { trial in
          request.history.names.firstIndex(of: trial.name).flatMap { population.generations[$0] }
        })
    }
    #expect(results[0] == results[1] && results[0] == results[2])
    return results[0]
  }

  private func trial(
    _ name: String, _ condition: TrialCondition = .succeeded, at time: Int64 = 0
  ) -> TrialFixture {
    TrialFixture(
      name, condition, [], objective: condition == .succeeded ? "1" : nil, completionTime: time)
  }

  @Test func linesLongerThanTheModulusAreCounted() throws {
    let trials = try (0..<100).map {
      trial(try name($0, $0 == 0 ? .new : .issue($0 - 1), $0), at: Int64($0))
    }
    #expect(try generations(trials) == Array(0..<100))
  }

  /// Without its parent a trial has its generation modulo 32, and it is never more than one ahead.
  @Test func orphansFindTheirGeneration() throws {
    var trials = try (0..<50).map {
      trial(try name($0, $0 == 0 ? .new : .issue($0 - 1), $0), at: Int64($0))
    }
    trials.append(trial(try name(60, .issue(55), 50)))
    trials.append(trial(try name(61, .issue(56), 20)))
    trials.append(trial(try name(62, .issue(60), 51)))
    #expect(try generations(trials).suffix(3) == [50, 20, 51])
    #expect(try generations([trial(try name(9, .issue(4), 3))]) == [3])
  }

  /// A position that fell has children with smaller indices than their parents.
  @Test func theOrderOfIssueNeedNotBeThatOfDescent() throws {
    let trials = [
      trial(try name(9, .new, 0)), trial(try name(4, .issue(9), 1)),
      trial(try name(2, .issue(4), 2)),
    ]
    #expect(try generations(trials) == [0, 1, 2])
  }

  @Test func loopsEnd() throws {
    let trials = [
      trial(try name(1, .issue(2), 1)), trial(try name(2, .issue(3), 2)),
      trial(try name(3, .issue(1), 3)), trial(try name(4, .issue(3), 4)),
    ]
    #expect(try generations(trials).allSatisfy { $0 != nil })
  }

  /// Another image's trials are taken over: the newest fill the population.
  @Test func anotherImagesPopulationIsTakenOver() throws {
    var trials = (0..<12).map {
      trial("population-old\($0)", $0 % 4 == 3 ? .failed : .succeeded, at: Int64($0))
    }
    trials.append(TrialFixture("population-runs", .running, []))
    let found = try generations(trials)
    #expect(found.indices.filter { found[$0] == 0 } == [6, 8, 9, 10, 12])
    let parent = LineageNames.origin(ofChildrenOf: "population-old8", tag: nil)
    trials.append(trial(try name(13, parent, 1), at: 20))
    trials.append(trial(try name(14, .issue(13), 2), at: 21))
    #expect(try generations(trials).suffix(2) == [1, 2])
  }

  /// Trials of a same-named Experiment in another namespace show, but nobody issued them here.
  @Test func strangersAreNoMembers() throws {
    let strangers = (0..<10).map { trial("population-else\($0)", at: Int64($0)) }
    #expect(try generations(strangers, position: 0).allSatisfy { $0 == nil })
    let ours = try (0..<3).map { trial(try name($0, .new, 0)) }
    let found = try generations(ours + strangers, position: 3)
    #expect(found == [0, 0, 0] + Array(repeating: nil, count: 10))
  }
}
