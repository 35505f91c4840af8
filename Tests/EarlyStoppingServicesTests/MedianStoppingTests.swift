// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import KatibAPI
import Testing

@testable import EarlyStoppingServices

@Suite struct MedianStoppingTests {
  private func stopping(
    _ settings: [String: String] = [:]
  ) throws(InvalidExperiment) -> MedianStopping {
    try MedianStopping(
      EarlyStoppingSpec(
        algorithmName: "medianstop",
        settings: settings.map { SettingText(name: $0.key, value: $0.value) }))
  }

  private func refusal(_ spec: EarlyStoppingSpec) -> String {
    do throws(InvalidExperiment) {
      _ = try MedianStopping(spec)
      return ""
    } catch {
      return error.message
    }
  }

  private static let medians: [([Double], Double)] = [
    ([3], 3), ([1, 2], 1.5), ([5, 1, 3], 3), ([4, 1, 3, 2], 2.5), ([2, 2, 2, 2], 2),
    ([-1e308, 1.5e308, 1.7e308, 1.6e308], 1.55e308), ([0, -0.0], 0),
    ([0x1p-1070, 0x3p-1070], 0x2p-1070),
  ]

  @Test(arguments: medians)
  func medianIsTheMiddle(values: [Double], median: Double) {
    #expect(MedianStopping.median(values) == median)
  }

  @Test func oneDivergedTrialDoesNotMoveTheThreshold() throws {
    // The mean of these would be 250,002.25, past every sensible trial.
    let rule = try stopping().rule(
      [1, 2, 3, 1e6], objective: Objective(direction: .minimize, metricName: "loss"))
    #expect(rule?.value == "2.5")
  }

  @Test func averagesAreMeans() {
    #expect(MedianStopping.average([]) == nil)
    #expect(MedianStopping.average([1, 2, 6]) == 3)
    #expect(MedianStopping.average([1.7e308, 1.7e308]) == 1.7e308)
    #expect(MedianStopping.median([]) == nil)
  }

  @Test(arguments: [
    (Objective.Direction.maximize, EarlyStoppingRule.Comparison.less), (.minimize, .greater),
  ])
  func ruleSaysWhatIsWorse(
    direction: Objective.Direction, comparison: EarlyStoppingRule.Comparison
  ) throws {
    let objective = Objective(direction: direction, metricName: "score")
    #expect(
      try stopping(["start_step": "7"]).rule([0.1, 0.3, 0.2], objective: objective)
        == EarlyStoppingRule(
          metricName: "score", value: "0.2", comparison: comparison, startStep: 7))
  }

  @Test func thereIsNoRuleBeforeEnoughTrials() throws {
    let objective = Objective(metricName: "loss")
    #expect(try stopping().rule([1, 2], objective: objective) == nil)
    #expect(try stopping().rule([1, 2, 3], objective: objective) != nil)
    #expect(try stopping(["min_trials_required": "1"]).rule([], objective: objective) == nil)
    #expect(try stopping(["min_trials_required": "1"]).rule([1], objective: objective) != nil)
    #expect(
      try stopping(["min_trials_required": "5"]).rule([1, 2, 3, 4], objective: objective) == nil)
  }

  @Test func defaultsAreThreeAndFour() throws {
    #expect(try stopping().minTrialsRequired == 3)
    #expect(try stopping().startStep == 4)
  }

  @Test(arguments: [
    ("min_trials_required", "0", "min_trials_required must be greater than zero (>0)"),
    ("min_trials_required", "-3", "min_trials_required must be greater than zero (>0)"),
    ("start_step", "0", "start_step must be greater or equal than one (>=1)"),
    ("start_step", "-1", "start_step must be greater or equal than one (>=1)"),
    ("start_step", "-9000000000", "start_step must be greater or equal than one (>=1)"),
    // Katib's rules carry 32 bits: these used to pass, and to go out as another number.
    (
      "start_step", "2147483648",
      "start_step is \"2147483648\", it must be a whole number from 1 to 2147483647"
    ),
    (
      "start_step", " 9000000000000 ",
      "start_step is \" 9000000000000 \", it must be a whole number from 1 to 2147483647"
    ),
    ("patience", "3", "unknown setting patience for algorithm medianstop"),
  ])
  func refusalsAreKatibs(name: String, value: String, message: String) {
    let spec = EarlyStoppingSpec(
      algorithmName: "medianstop", settings: [SettingText(name: name, value: value)])
    #expect(refusal(spec) == message)
  }

  @Test func theLargestStartStepGoesOutAsItIs() throws {
    let rule = try stopping(["start_step": "2147483647"]).rule(
      [1, 2, 3], objective: Objective(metricName: "loss"))
    let reply = GetEarlyStoppingRulesReply(rules: [try #require(rule)])
    let read = try GetEarlyStoppingRulesReply(
      decoding: reply.packed(using: ArenaPool()), using: ArenaPool())
    #expect(read.rules.map(\.startStep) == [2_147_483_647])
  }

  @Test(arguments: ["three", "", "2.5", "1e1"])
  func whatIsNoNumberIsSaidSo(value: String) {
    for name in ["min_trials_required", "start_step"] {
      let spec = EarlyStoppingSpec(
        algorithmName: "medianstop", settings: [SettingText(name: name, value: value)])
      #expect(refusal(spec).hasPrefix("failed to validate \(name)(\(value))"))
    }
  }

  @Test(arguments: ["", "medianstopp", "hyperband"])
  func otherAlgorithmsAreUnknown(name: String) {
    #expect(refusal(EarlyStoppingSpec(algorithmName: name)) == "unknown algorithm name \(name)")
  }
}
