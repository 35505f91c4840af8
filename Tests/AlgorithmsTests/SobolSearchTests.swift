// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct SobolSearchTests {
  func experiment(
    _ specs: [ParameterSpec], settings: [SettingText] = []
  ) -> Experiment {
    Experiment(
      name: "sobol", objective: Objective(metricName: "loss"), algorithmName: "sobol",
      algorithmSettings: settings, parameterSpecs: specs)
  }

  static let square: [ParameterSpec] = [.double("x", "0", "1"), .double("y", "0", "1")]

  func points(_ reply: SuggestionReply) -> [[String]] {
    reply.suggestions.map { $0.assignments.map(\.value) }
  }

  /// Whatever the history shows, suggestion i is point i of the sequence.
  @Test func theIndexIsThePosition() throws {
    let sequence = SobolSequence(dimension: 2, seed: 0)
    let texts = (0..<64).map { sequence.point(at: $0).map(NumberText.text) }
    let experiment = experiment(SobolSearchTests.square)
    #expect(try points(experiment.ask(64)) == texts)
    for position in [0, 1, 5, 31, 63] {
      // Trials that are invisible, and strangers that are not.
      let strangers = try ExamplePoints.random(10, in: experiment, seed: 1).enumerated().map {
        TrialFixture("other-\($0)", .running, $1)
      }
      let reply = try experiment.ask(1, after: strangers, position: position)
      #expect(points(reply) == [texts[position]])
    }
  }

  @Test func initialPointsDoNotUseUpTheSequence() throws {
    let plain = try points(experiment(SobolSearchTests.square).ask(4))
    let settings: [SettingText] = .of(["initial_points": #"[{"x": 0.5, "y": 0.5}, {}]"#])
    let reply = try points(experiment(SobolSearchTests.square, settings: settings).ask(6))
    #expect(reply[0] == ["0.5", "0.5"])
    #expect(Array(reply[2...]) == plain)
  }

  @Test func constantsTakeNoDimension() throws {
    let specs: [ParameterSpec] = [
      .int("one", "1", "1"), SobolSearchTests.square[0], .categorical("only", ["c"]),
      SobolSearchTests.square[1],
    ]
    let plain = try points(experiment(SobolSearchTests.square).ask(8))
    let reply = try points(experiment(specs).ask(8))
    #expect(reply == plain.map { ["1", $0[0], "c", $0[1]] })
  }

  /// Every prefix of 2^m points is balanced in every parameter's own prior.
  @Test(arguments: [0, 1, 7]) func prefixesAreBalanced(seed: Int) throws {
    let specs: [ParameterSpec] = [
      .double("u", "-3", "5"), .double("l", "1e-4", "1e4", .logUniform),
      .double("n", "-1", "1", .normal), .double("ln", "1e-4", "1e4", .logNormal),
      .int("i", "1", "4"), .categorical("c", ["a", "b", "c", "d", "e", "f", "g", "h"]),
    ]
    let experiment = experiment(specs, settings: .of(["random_state": "\(seed)"]))
    let space = try SearchSpace(specs)
    let reply = try points(experiment.ask(64))
    for size in [8, 16, 32, 64] {
      for (j, parameter) in space.parameters.enumerated() {
        var counts = [Int](repeating: 0, count: parameter.cardinality ?? 8)
        for point in reply.prefix(size) {
          let reading = parameter.reading(point[j])
          let bin =
            parameter.cardinality == nil
            ? parameter.unit(ofReading: reading) * 8 : parameter.coordinate(ofReading: reading)
          counts[min(Int(bin), counts.count - 1)] += 1
        }
        #expect(
          counts.allSatisfy { $0 == size / counts.count },
          "seed \(seed), \(parameter.name), \(size): \(counts)")
      }
    }
  }

  /// The controller deleted trial 5 and wants number 7 again, which still stands there: the next
  /// unused point is taken, and the sequence goes on behind it.
  @Test func pointsThatStandInTheHistoryArePassedOver() throws {
    let experiment = experiment(SobolSearchTests.square)
    let all = try experiment.ask(12).suggestions
    let left = [0, 1, 2, 3, 4, 6, 7].map { TrialFixture("t\($0)", .running, all[$0].assignments) }
    let reply = try experiment.ask(3, after: left, position: 7)
    #expect(reply.suggestions == Array(all[8..<11]))
  }

  @Test func unknownSettingsAreLogged() throws {
    let experiment = experiment(
      SobolSearchTests.square, settings: .of(["scramble": "true", "optimizer": "x"]))
    #expect(experiment.refusal() == nil)
    #expect(
      try experiment.ask(1).notices == [
        "sobol passes over the setting \"optimizer\", which it does not know",
        "sobol passes over the setting \"scramble\", which it does not know",
      ])
  }

  /// A space of 60 points, asked to its end and beyond.
  @Test func aUsedUpSpaceRepeats() throws {
    let reply = try points(experiment(ExampleSpaces.sixty).ask(200))
    #expect(Set(reply.prefix(60)).count == 60)
    #expect(reply.count == 200)
  }
}
