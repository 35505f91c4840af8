// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct InitialPointsTests {
  func experiment(_ specs: [ParameterSpec], _ points: String) -> Experiment {
    Experiment(
      name: "initial", objective: Objective(metricName: "loss"), algorithmName: "random",
      algorithmSettings: .of(["random_state": "1", "initial_points": points]),
      parameterSpecs: specs)
  }

  static let rate: [ParameterSpec] = [.double("rate", "0.0001", "1", .logUniform)]

  /// A number goes out as the user wrote it: without the detour through the logarithm and back.
  @Test(arguments: [
    ("0.001", "0.001"), ("\"0.001\"", "0.001"), ("1e-3", "0.001"), ("1", "1.0"), ("0.1", "0.1"),
    ("0.30000000000000004", "0.30000000000000004"), ("\" 0.5 \"", "0.5"), ("0.0001", "0.0001"),
  ])
  func numbersKeepTheirText(_ json: String, _ text: String) throws {
    let reply = try experiment(InitialPointsTests.rate, "[{\"rate\": \(json)}]").ask(1)
    #expect(reply.suggestions[0].assignments.map(\.value) == [text])
  }

  /// Four points ran at once, and two of them were deleted, not the last two. The position said that two
  /// were to be issued; those that ran already were, again, and the deleted ones never.
  @Test(arguments: Registry.standard.algorithms.filter(\.acceptsInitialPoints).map(\.name))
  func deletedPointsAreIssuedAgain(_ algorithm: String) throws {
    let row = ConformanceCase.all.first { $0.algorithm == algorithm } ?? ConformanceCase(algorithm)
    let specs: [ParameterSpec] = [.int("x", "0", "9"), .double("y", "0", "1")]
    let json = (0..<4).map { "{\"x\": \($0)}" }.joined(separator: ",")
    let experiment = row.experiment(
      specs, settings: .of(["random_state": "1", "initial_points": "[\(json)]"]))
    let all = try experiment.ask(4).suggestions
    let values = { (suggestions: [Suggestion]) in
      suggestions.map { suggestion in
        suggestion.assignments.filter { $0.name == "x" || $0.name == "y" }.map(\.value)
      }
    }
    #expect(values(all).map(\.[0]) == ["0", "1", "2", "3"])
    let trials = all.enumerated().map { i, suggestion in
      TrialFixture(
        suggestion.trialName.isEmpty ? "t-\(i)" : suggestion.trialName, .running,
        suggestion.assignments, startTime: 1)
    }
    for (left, expected) in [
      ([2, 3], [0, 1]), ([0, 3], [1, 2]), ([1], [0, 2, 3]), ([], [0, 1, 2, 3]),
    ] {
      let reply = try experiment.ask(
        expected.count, after: left.map { trials[$0] }, position: left.count)
      #expect(values(reply.suggestions) == expected.map { values(all)[$0] }, "\(left) are left")
    }
    // One that has vanished is not issued again, and neither is what somebody else's trials show.
    let hidden = try experiment.ask(1, after: [trials[0], trials[2]], position: 3)
    #expect(values(hidden.suggestions) == [values(all)[3]])
    let begun = try experiment.ask(4, after: trials, position: 0)
    #expect(values(begun.suggestions) == values(all))
  }

  @Test func listEntriesGoOutAsTheListSpellsThem() throws {
    let specs: [ParameterSpec] = [
      .discrete("d", ["0.50", "1"]), .categorical("c", ["true", "2", "x y"]), .int("i", "0", "9"),
      .double("s", "0", "1", step: "0.1"),
    ]
    for (json, texts) in [
      (#"{"d": 0.5, "c": true, "i": 3.0, "s": 0.3}"#, ["0.50", "true", "3", "0.3"]),
      (#"{"d": "1.0", "c": 2, "i": "7", "s": "3e-1"}"#, ["1", "2", "7", "0.3"]),
      (#"{"d": 1, "c": "x y", "i": 0, "s": 1}"#, ["1", "x y", "0", "1.0"]),
      // 3 * 0.1 in doubles was refused.
      (#"{"d": 1, "c": "x y", "i": 0, "s": 0.30000000000000004}"#, ["1", "x y", "0", "0.3"]),
    ] {
      let reply = try experiment(specs, "[\(json)]").ask(1)
      #expect(reply.suggestions[0].assignments.map(\.value) == texts)
    }
  }

  /// A list entry is found by its spelling; else, for a number or a boolean, by what it means.
  @Test(arguments: [
    ("1.0", ["a", "1.0"], "1.0"), ("1", ["a", "1.0"], "1.0"), ("1e0", ["a", "1.0"], "1.0"),
    ("1e-3", ["0.001", "a"], "0.001"), ("1e-3", ["a", "1e-3"], "1e-3"),
    ("0.001", ["a", "1e-3"], "1e-3"), ("1E-3", ["a", "1e-03"], "1e-03"),
    ("-0.50", ["a", "-5e-1"], "-5e-1"), ("0", ["a", "-0.0"], "-0.0"),
    ("true", ["True", "False"], "True"), ("false", ["True", "False"], "False"),
    ("true", ["True", "true"], "true"), ("true", ["TRUE", "1"], "TRUE"),
    // The very spelling wins.
    ("1.0", ["1", "1.0", "1.00"], "1.0"), ("1", ["1.0", "1"], "1"),
    ("10000000000000000000001", ["1e22", "10000000000000000000001"], "10000000000000000000001"),
    // Strings are matched by their spelling alone; what stands in them is no number.
    (#""1.0""#, ["1", "1.0"], "1.0"), (#""x\" 1.0""#, ["x\" 1.0", "y"], "x\" 1.0"),
  ])
  func listEntriesAreFoundByMeaning(_ json: String, _ list: [String], _ text: String) throws {
    for spec in [ParameterSpec.categorical("c", list), .discrete("c", list + ["z"])] {
      let points = experiment([spec, .double("x", "0", "9")], #"[{"c": \#(json), "x": 1.50}]"#)
      #expect(points.refusal() == nil)
      #expect(try points.ask(1).suggestions[0].assignments.map(\.value) == [text, "1.5"])
    }
  }

  @Test(arguments: [
    ("1", ["1.0", "1.00"], #"1 could be "1.0" as well as "1.00" in the list"#),
    ("true", ["True", "TRUE"], #"true could be "True" as well as "TRUE" in the list"#),
    ("1", ["a", "2"], #""1" is not a feasible value"#),
    ("true", ["a", "1"], #""true" is not a feasible value"#),
    (#""1""#, ["a", "1.0"], #""1" is not a feasible value"#),
    (#""true""#, ["a", "True"], #""true" is not a feasible value"#),
    ("01", ["a", "1"], "\"c\" must be a string, a finite number"),
    ("1.", ["a", "1"], "\"c\" must be a string, a finite number"),
    ("1e", ["a", "1"], "\"c\" must be a string, a finite number"),
    ("- 1", ["a", "-1"], "JSON array"),
  ])
  func whatTheListDoesNotTellIsNamed(_ json: String, _ list: [String], _ part: String) {
    let experiment = experiment([.categorical("c", list)], #"[{"c": \#(json)}]"#)
    #expect(experiment.refusal()?.contains(part) == true, "\(experiment.refusal() ?? "accepted")")
  }

  /// An entry for a value, found by comparing it with each: what the lookup must agree with.
  private func entries(_ value: InitialPointTexts.Value, in list: [String]) -> [Int] {
    if let entry = list.firstIndex(of: value.text) { return [entry] }
    return list.indices.filter { i in
      switch value {
      case .text: false
      case .number(let text):
        NumberText.parse(text).map { $0 == NumberText.parse(list[i]) } ?? false
      case .flag(let flag): list[i].lowercased() == (flag ? "true" : "false")
      }
    }
  }

  /// Each number or boolean that the list spells differently was compared with every entry, at two
  /// parses each: 62 KB of them held the I/O thread for a second, and 640 KB a worker for 79 s, long
  /// after the deadline.
  @Test func theLookupByMeaningAgreesWithComparingEveryEntry() throws {
    let seed = UInt64.random(in: 0 ... .max)
    let numbers = [
      "1", "1.0", "1e0", "+1", " 1", "01", "10e-1", "0", "-0", "0.0", "-0.0e5", "1e-3", "0.001",
      "2", "1e999",
      "0x1", "1.", "NaN", "inf",
    ]
    let words = [
      "true", "True", "TRUE", "tRuE", "false", "False", "FALSE", "t", "yes", "trues", "",
    ]
    let values = ["1", "1.0", "1e0", "0", "-0", "0.001", "1E-3", "2", "3", "true", "false"].flatMap
    {
      [$0, "\"\($0)\""]
    }
    for i in 0..<300 {
      var random = RandomSource(seed: seed, purpose: "entries", index: UInt64(i))
      let pool = numbers + words
      var list = ["no number"]
      for _ in 0..<random.uniform(below: 5) {
        let entry = pool[random.uniform(below: pool.count)]
        if !list.contains(entry) { list.append(entry) }
      }
      let space = try SearchSpace([.categorical("c", list), .discrete("d", list)])
      for _ in 0..<3 {
        let value = values[random.uniform(below: values.count)]
        let texts = try #require(InitialPointTexts(#"[{"d": \#(value)}, {"c": \#(value)}]"#))
        let expected = entries(try #require(texts[0].first).value, in: list)
        let comment = Comment(rawValue: "\(value) in \(list), seed \(seed), \(i)")
        do {
          let readings = try InitialPoints(texts, in: space).readings
          #expect(expected.count == 1, comment)
          #expect(
            readings == [
              [nil, expected.first.map(Double.init)], [expected.first.map(Double.init), nil],
            ], comment)
        } catch {
          #expect(expected.count != 1, comment)
          let isAmbiguous = expected.count > 1
          #expect(error.message.contains("could be") == isAmbiguous, comment)
          if isAmbiguous {
            let named =
              "could be \(Quoted.text(list[expected[0]])) as well as \(Quoted.text(list[expected[1]]))"
            #expect(error.message.contains(named), comment)
          }
        }
      }
    }
  }

  /// As many of both as there may be, in a fraction of a second and not in minutes.
  @Test func manyPointsAndManyEntriesAreQuick() throws {
    let space = try SearchSpace([.categorical("c", (0..<100_000).map { "\($0).0" } + ["True"])])
    for value in ["99999", "true"] {
      let point = #"{"c":\#(value)}"#
      let count = AlgorithmLimits.initialPointsBytes / (point.utf8.count + 1) - 1
      let text = "[" + Array(repeating: point, count: count).joined(separator: ",") + "]"
      let start = ContinuousClock.now
      let readings = try InitialPoints(try #require(InitialPointTexts(text)), in: space).readings
      #expect(ContinuousClock.now - start < .seconds(20))
      #expect(readings == Array(repeating: [value == "true" ? 100_000 : 99_999], count: count))
    }
  }

  @Test(arguments: [
    ("", "failed to validate initial_points()"), ("{}", "JSON array"), ("[", "JSON array"),
    ("null", "JSON array"), ("[{},,]", "JSON array"), ("[{rate: 1}]", "JSON array"),
    // A message that only says what JSON is helps nobody to find the one of a hundred points.
    ("[{}, null]", "initial_points[1] must be an object"),
    ("[[]]", "initial_points[0] must be an object"),
    (#"[{}, {"rate": null}]"#, "initial_points[1]: the value of parameter \"rate\" must be a"),
    (#"[{"rate": [1]}]"#, "initial_points[0]: the value of parameter \"rate\""),
    (#"[{"rate": {}}]"#, "initial_points[0]: the value of parameter \"rate\""),
    (#"[{"rate": 1}, {}, {"rate": NaN}]"#, "initial_points[2]: the value of parameter \"rate\""),
    (#"[{"rate": -Infinity}, {}]"#, "initial_points[0]: the value of parameter \"rate\""),
    (#"[{"rate": 1e999}]"#, "initial_points[0]: the value of parameter \"rate\""),
    (
      #"[{"rate": 2}]"#,
      "initial_points[0]: \"2\" is not a feasible value of parameter \"rate\", it must be a number "
        + "from 0.0001 to 1"
    ),
    (#"[{}, {"rate": "abc"}]"#, "initial_points[1]: \"abc\""),
    (#"[{"rate": true}]"#, "\"true\" is not a feasible value"),
    (#"[{"Rate": 0.1}]"#, "initial_points[0] names \"Rate\", which is no parameter"),
  ])
  func whatIsWrongIsNamed(_ json: String, _ part: String) {
    let experiment = experiment(InitialPointsTests.rate, json)
    #expect(experiment.refusal()?.contains(part) == true, "\(experiment.refusal() ?? "accepted")")
    #expect(throws: InvalidExperiment.self) { try experiment.ask(1) }
  }

  /// Near the grid is not on it.
  @Test(arguments: ["0.31", "0.3000001", "1.1", "-0.1"])
  func whatLiesOffTheGridIsRefused(_ json: String) {
    let refusal = experiment([.double("s", "0", "1", step: "0.1")], "[{\"s\": \(json)}]").refusal()
    #expect(refusal?.hasSuffix("it must be a number from 0 to 1 in steps of 0.1") == true)
  }

  /// 128 KiB of points that leave nearly everything out are spelled out for every parameter, which
  /// took gigabytes at validation.
  @Test func emptyPointsOfManyParametersAreRefused() {
    let points = "[" + Array(repeating: "{}", count: 40_000).joined(separator: ",") + "]"
    let specs = (0..<1_000).map { ParameterSpec.int("p\($0)", "0", "9") }
    let refusal = experiment(specs, points).refusal() ?? "accepted"
    #expect(refusal.contains("40000 points of 1000 parameters"), "\(refusal)")
    #expect(experiment([specs[0]], points).refusal() == nil)
  }

  /// What a point leaves out is drawn by its number, whatever else the reply holds.
  @Test func missingValuesDoNotDependOnTheRequest() throws {
    let specs = InitialPointsTests.rate + [.double("x", "0", "1")]
    let partial = experiment(specs, #"[{}, {"rate": 0.1}, {"x": 0.5}]"#)
    let all = try partial.ask(4).suggestions
    for position in 0..<3 {
      #expect(try partial.ask(1, position: position).suggestions == [all[position]])
    }
    // Giving one value does not change another.
    let other = try experiment(specs, #"[{"x": 0.25}, {}, {"x": 0.5}]"#).ask(2).suggestions
    #expect(other[0].assignments[0] == all[0].assignments[0])
    #expect(other[1].assignments[1] == all[1].assignments[1])
  }

  @Test func positionsAreCountedByTheController() {
    for (current, total, visible, position) in [
      (3, 10, 99, 7), (3, 3, 99, 0), (3, 0, 5, 5), (3, 2, 5, 5), (0, 10, 5, 5), (1, 1, 0, 0),
    ] {
      let counted = Problem.position(current: current, total: total, visibleTrials: visible)
      #expect(counted == position, "\(current) of \(total)")
    }
  }
}
