// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing

@testable import ExperimentModel

@Suite struct SettingTests {
  enum Kernel: String, CaseIterable, Sendable { case matern, gauss }

  static let count = Setting.whole(
    "n_EI_candidates", aliases: ["n_ei_candidates"], default: 24, atLeast: 1, summary: "",
    refusal: { name, _ in "\(name) should be great than zero" })
  static let seed = Setting.whole("random_state", defaultText: "drawn", atLeast: 0, summary: "")
  static let gamma = Setting.number(
    "gamma", default: 0.25, valid: "a number in (0, 1)", summary: "",
    refusal: { name, _ in "\(name) should be in the range of (0, 1)" },
    accepts: { $0 > 0 && $0 < 1 })
  static let sigma = Setting.number(
    "sigma", defaultText: "1/6", valid: "a number, at least 0", summary: "", accepts: { $0 >= 0 })
  static let kernel = Setting<Kernel>.choice("kernel", default: .matern, summary: "")
  static let resource = Setting<String?>(
    "resource_name", default: nil, defaultText: "", valid: "the name of a parameter", summary: "",
    parse: { $0.isEmpty ? nil : .some($0) })
  static let rows = [count.row, seed.row, gamma.row, sigma.row, kernel.row]

  func settings(
    _ given: KeyValuePairs<String, String>, rows: [SettingRow] = rows, acceptsUnknown: Bool = false
  ) throws -> Settings {
    try Settings(.of(given), declared: rows, algorithm: "tpe", acceptsUnknown: acceptsUnknown)
  }

  @Test func defaultsHoldWhereNothingIsGiven() throws {
    let settings = try settings([:])
    #expect(settings[SettingTests.count] == 24)
    #expect(settings[SettingTests.seed] == nil)
    #expect(settings[SettingTests.gamma] == 0.25)
    #expect(settings[SettingTests.sigma] == nil)
    #expect(settings[SettingTests.kernel] == .matern)
    #expect(settings.given(SettingTests.gamma) == nil)
  }

  /// A text was parsed as often as its name was repeated: in a request of 64 KiB, 1,600 times one of
  /// 30 KB, which held the I/O thread for 44 s.
  @Test func theTextOfARepeatedNameIsParsedOnce() throws {
    let parsed = Mutex<[String]>([])
    let points = Setting(
      "points", default: "", defaultText: "none", valid: "anything", summary: "",
      parse: { text in
        parsed.withLock { $0.append(text) }
        return text
      })
    let given = (0..<1_000).map { SettingText(name: "points", value: "\($0)") }
    let settings = try Settings(
      given, declared: [points.row], algorithm: "tpe", acceptsUnknown: false)
    #expect(parsed.withLock { $0 } == ["999"])
    #expect(settings[points] == "999")
  }

  @Test func givenValuesAreParsed() throws {
    let settings = try settings([
      "n_EI_candidates": " 7 ", "random_state": "0", "gamma": "1e-1", "sigma": "0",
      "kernel": "gauss",
    ])
    #expect(settings[SettingTests.count] == 7)
    #expect(settings[SettingTests.seed] == 0)
    #expect(settings[SettingTests.gamma] == 0.1)
    #expect(settings[SettingTests.sigma] == 0)
    #expect(settings[SettingTests.kernel] == .gauss)
  }

  /// The controller merges what was returned behind what the user wrote.
  @Test func theLastOfARepeatedNameCounts() throws {
    let settings = try settings(["gamma": "0.1", "n_EI_candidates": "3", "gamma": "0.9"])
    #expect(settings[SettingTests.gamma] == 0.9)
    // Only what counts is checked.
    #expect(try self.settings(["gamma": "7", "gamma": "0.5"])[SettingTests.gamma] == 0.5)
  }

  @Test func theFirstSpellingWinsOverItsAliases() throws {
    for given: KeyValuePairs in [
      ["n_EI_candidates": "5", "n_ei_candidates": "6"],
      ["n_ei_candidates": "6", "n_EI_candidates": "5"],
    ] {
      #expect(try settings(given)[SettingTests.count] == 5)
    }
    #expect(try settings(["n_ei_candidates": "6"])[SettingTests.count] == 6)
  }

  /// Texts that Katib's own tests compare, and ours.
  @Test(
    arguments: [
      (["gamma": "1.5"], "gamma should be in the range of (0, 1)"),
      (["gamma": "0"], "gamma should be in the range of (0, 1)"),
      (["gamma": "x"], "failed to validate gamma(x): it must be a number in (0, 1)"),
      (["gamma": "nan"], "failed to validate gamma(nan): it must be a number in (0, 1)"),
      (["n_EI_candidates": "0"], "n_EI_candidates should be great than zero"),
      (["n_ei_candidates": "-1"], "n_ei_candidates should be great than zero"),
      (
        ["n_EI_candidates": "2.5"],
        "failed to validate n_EI_candidates(2.5): it must be a whole number, at least 1"
      ),
      (
        ["n_EI_candidates": ""],
        "failed to validate n_EI_candidates(): it must be a whole number, at least 1"
      ),
      (["random_state": "-1"], "random_state is \"-1\", it must be a whole number, at least 0"),
      (
        ["random_state": "9223372036854775808"],
        "failed to validate random_state(9223372036854775808): it must be a whole number, at least 0 "
          + "(the largest is 9223372036854775807)"
      ),
      (
        ["random_state": " 99999999999999999999 "],
        "failed to validate random_state( 99999999999999999999 ): it must be a whole number, at least "
          + "0 (the largest is 9223372036854775807)"
      ),
      (
        ["random_state": "9999999999999999999x"],
        "failed to validate random_state(9999999999999999999x): it must be a whole number, at least 0"
      ),
      (["sigma": "-0.1"], "sigma is \"-0.1\", it must be a number, at least 0"),
      (["kernel": "Gauss"], "kernel is \"Gauss\", it must be one of matern, gauss"),
      (["Gamma": "0.5"], "unknown setting Gamma for algorithm tpe"),
      (["": ""], "unknown setting  for algorithm tpe"),
    ] as [([String: String], String)])
  func refusalsSayWhatIsWrong(_ given: [String: String], _ message: String) {
    let texts = given.map { SettingText(name: $0.key, value: $0.value) }
    #expect(throws: InvalidExperiment(message)) {
      try Settings(
        texts, declared: SettingTests.rows, algorithm: "tpe", acceptsUnknown: false)
    }
  }

  @Test func unknownNamesCanBePassedOver() throws {
    let settings = try settings(["z": "1", "gamma": "0.5", "a": "2"], acceptsUnknown: true)
    #expect(settings.unknownNames(declared: SettingTests.rows) == ["a", "z"])
    #expect(settings[SettingTests.gamma] == 0.5)
    // Known ones are still checked.
    #expect(throws: InvalidExperiment.self) {
      try self.settings(["gamma": "2"], acceptsUnknown: true)
    }
  }

  @Test func requiredSettingsMustBeThere() throws {
    let rows = SettingTests.rows + [SettingTests.resource.row]
    #expect(
      throws: InvalidExperiment("resource_name is missing, it must be the name of a parameter")
    ) { try settings(["gamma": "0.5"], rows: rows) }
    let given = try settings(["resource_name": "epochs"], rows: rows)
    #expect(given[SettingTests.resource] == "epochs")
  }

  @Test(arguments: [
    ("3", 3), (" -3 ", -3), ("+3", 3), ("007", 7), ("9223372036854775807", Int.max),
  ])
  func wholeNumbers(_ text: String, _ value: Int) { #expect(SettingParse.whole(text) == value) }

  @Test(arguments: ["", " ", "3.0", "1e3", "0x3", "1_000", "three", "3 4", "9223372036854775808"])
  func whatIsNoWholeNumber(_ text: String) { #expect(SettingParse.whole(text) == nil) }
}
