// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ExperimentModel

/// Each way in which a parameter can be wrong, with what its message must name: the parameter, the
/// field, the value found there, and what would be right.
@Suite struct ParameterValidationTests {
  static func spec(
    _ kind: ParameterKind, _ minimum: String = "", _ maximum: String = "", step: String = "",
    list: [String] = [], distribution: Int = 0
  ) -> ParameterSpec {
    ParameterSpec(
      name: "lr", kind: kind,
      feasibleSpace: FeasibleSpace(
        minimum: minimum, maximum: maximum, step: step, list: list,
        distributionNumber: distribution))
  }

  static let table: [(ParameterSpec, [String])] = [
    (spec(.unknown, "0", "1"), ["parameter_type", "0", "DOUBLE, INT, DISCRETE or CATEGORICAL"]),
    (
      ParameterSpec(name: "lr", kindNumber: 7, feasibleSpace: FeasibleSpace()),
      ["parameter_type", "7", "DOUBLE"]
    ),
    (
      ParameterSpec(name: "lr", kindNumber: -1, feasibleSpace: FeasibleSpace()),
      ["parameter_type", "-1"]
    ),
    (ParameterSpec(name: "lr", kind: .double, feasibleSpace: nil), ["feasible_space", "missing"]),
    (spec(.double, "", "1"), ["min", "missing", "number"]),
    (spec(.double, "0", ""), ["max", "missing", "number"]),
    (spec(.double, list: ["1", "2"]), ["min", "missing", "list", "DISCRETE or CATEGORICAL"]),
    (spec(.int, "1", "", list: ["1"]), ["max", "missing", "list", "DISCRETE or CATEGORICAL"]),
    (spec(.double, "a", "1"), ["min", "\"a\"", "finite number"]),
    (spec(.double, "0", "1,5"), ["max", "\"1,5\"", "finite number"]),
    (spec(.double, "0", "inf"), ["max", "\"inf\"", "finite"]),
    (spec(.double, "nan", "1"), ["min", "\"nan\"", "finite"]),
    (spec(.double, "0", "1e400"), ["max", "\"1e400\"", "finite"]),
    (spec(.double, "0x1", "2"), ["min", "\"0x1\""]),
    (spec(.double, "2", "1"), ["min", "\"2\"", "greater than max", "\"1\""]),
    (spec(.int, "2", "1"), ["min", "\"2\"", "greater than max", "\"1\""]),
    (spec(.double, "-1e308", "1e308"), ["\"-1e308\"", "\"1e308\"", "narrower"]),
    (spec(.double, "0", "1", step: "x"), ["step", "\"x\"", "greater than 0"]),
    (spec(.double, "0", "1", step: "0"), ["step", "\"0\"", "greater than 0"]),
    (spec(.double, "0", "1", step: "-0.1"), ["step", "\"-0.1\"", "greater than 0"]),
    (spec(.int, "0", "9", step: "0"), ["step", "\"0\"", "greater than 0"]),
    (spec(.double, "0", "1", step: "1e-400"), ["step", "\"1e-400\"", "greater than 0"]),
    (spec(.double, "0", "1", step: "1e-17"), ["step", "\"1e-17\"", "2^53", "larger"]),
    (spec(.double, "0", "1e10", step: "1e-10"), ["step", "\"1e-10\"", "\"1e10\"", "2^53"]),
    // There is no step to blame: the message used to say that step "" makes too many.
    (
      spec(.int, "-9007199254740992", "9007199254740992"),
      [
        "from min \"-9007199254740992\" to max \"9007199254740992\" there are more than 2^53",
        "narrower", "step",
      ]
    ),
    (spec(.int, "0.5", "3"), ["min", "\"0.5\"", "whole number"]),
    (spec(.int, "0", "3.5"), ["max", "\"3.5\"", "whole number"]),
    (spec(.int, "0", "1e20"), ["max", "\"1e20\"", "2^53"]),
    (spec(.int, "one", "2"), ["min", "\"one\""]),
    (spec(.double, "0", "1", distribution: 2), ["min", "\"0\"", "greater than 0", "LOG_UNIFORM"]),
    (spec(.double, "-1", "1", distribution: 4), ["min", "\"-1\"", "greater than 0", "LOG_NORMAL"]),
    (spec(.int, "0", "9", distribution: 2), ["min", "\"0\"", "greater than 0", "LOG_UNIFORM"]),
    (spec(.double, "0", "1", distribution: 5), ["distribution", "5", "UNIFORM"]),
    (spec(.double, "0", "1", distribution: -1), ["distribution", "-1"]),
    (spec(.discrete), ["list", "empty", "at least one"]),
    (spec(.categorical), ["list", "empty", "at least one"]),
    (spec(.categorical, "0", "1"), ["list", "empty", "min and max", "DOUBLE or INT"]),
    (spec(.discrete, "", "1"), ["list", "empty", "min and max", "DOUBLE or INT"]),
  ]

  @Test(arguments: table) func theMessageNamesWhatIsWrong(
    _ spec: ParameterSpec, _ parts: [String]
  ) throws {
    let error = #expect(throws: InvalidExperiment.self) { try Parameter(spec) }
    let message = error?.message ?? ""
    for part in ["parameter \"lr\""] + parts {
      #expect(message.contains(part), "\(message)")
    }
  }

  @Test func namesMustBeThereAndDiffer() {
    let good = ParameterSpec.int("a", "1", "2")
    for (specs, parts) in [
      ([good, .int("", "1", "2")], ["number 2", "empty name"]),
      ([good, .int("b", "1", "2"), .double("a", "0", "1")], ["\"a\"", "twice"]),
      // Different bytes of one text: assignments and initial points went to the wrong one of them.
      ([.int("\u{e9}", "1", "2"), .int("e\u{301}", "1", "2")], ["twice", "Unicode"]),
    ] {
      let error = #expect(throws: InvalidExperiment.self) { try SearchSpace(specs) }
      for part in parts { #expect(error?.message.contains(part) == true) }
    }
  }

  /// What Katib's own tests send, and what looks odd and is fine.
  @Test(arguments: [
    spec(.int, "1", "5", step: "0.8"), spec(.int, "1", "5", step: "0.01"),
    spec(.double, "1", "1"), spec(.int, "0", "0"), spec(.double, " 0 ", "1e0"),
    spec(.discrete, list: ["one", "2"]), spec(.categorical, list: [""]),
    spec(.double, "1e-9", "1", distribution: 2), spec(.double, "1", "1", distribution: 3),
    spec(.double, "2", "2", distribution: 4), spec(.int, "1", "1", step: "5", distribution: 2),
    spec(.double, "0", "1", step: "7"), spec(.double, "-5e-324", "5e-324"),
    spec(.categorical, "junk", "junk", step: "junk", list: ["a"], distribution: 99),
  ])
  func whatIsSoundPasses(_ spec: ParameterSpec) throws {
    let space = try SearchSpace([spec])
    let parameter = space.parameters[0]
    for u in [0, 0.25, 0.5, 0.999_999] {
      let coordinate = parameter.coordinate(unit: u)
      #expect(parameter.contains(reading: parameter.reading(parameter.text(coordinate))))
    }
  }

  @Test func foreignTextIsCutInMessages() {
    let novel = String(repeating: "x", count: 10_000)
    let error = #expect(throws: InvalidExperiment.self) {
      try Parameter(ParameterValidationTests.spec(.double, novel, "1"))
    }
    #expect((error?.message.count ?? .max) < 300)
  }
}
