// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ExperimentModel

@Suite struct ParameterWordsTests {
  @Test(arguments: [
    (ParameterSpec.double("p", "0", "1"), "a number from 0 to 1"),
    (.double("p", "1e-4", "2.5", .logUniform), "a number from 0.0001 to 2.5"),
    (.double("p", "0", "1", step: "0.1"), "a number from 0 to 1 in steps of 0.1"),
    (.double("p", "0.5", "0.5"), "0.5"),
    (.double("p", "1", "1", step: "0.1"), "1"),
    (.int("p", "-3", "9"), "a whole number from -3 to 9"),
    (.int("p", "0", "100", step: "25"), "a whole number from 0 to 100 in steps of 25"),
    (.int("p", "7", "7"), "7"),
    (.discrete("p", ["0.50", "0.1"]), "one of \"0.1\", \"0.50\""),
    (.categorical("p", ["only"]), "\"only\""),
    (
      .categorical("p", (0..<1_000).map { "v\($0)" }),
      "one of \"v0\", \"v1\", \"v2\", \"v3\", \"v4\", \"v5\" and 994 more"
    ),
  ])
  func wordsSayWhatIsRight(_ spec: ParameterSpec, _ words: String) throws {
    #expect(try Parameter(spec).validValues == words)
  }

  @Test func novelsAreCut() throws {
    let novel = String(repeating: "x", count: 10_000)
    let parameter = try Parameter(.categorical("p", (0..<9).map { "\($0)" + novel }))
    #expect(parameter.validValues.utf8.count < 700)
  }
}
