// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Testing

@testable import KatibAPI

@Suite struct EarlyStoppingMessagesTests {
  let arenas = ArenaPool()

  @Test func queryReadsWhatTheRequestSays() throws {
    let spec = EarlyStoppingSpec(
      algorithmName: "medianstop", settings: [SettingText(name: "start_step", value: "4")])
    let golden = GetSuggestionsTests.goldenMessage()
    let request = GetEarlyStoppingRulesRequest(
      experiment: golden.experiment, earlyStopping: spec, trials: golden.trials,
      dbManagerAddress: "katib-db-manager.kubeflow:6789")
    let bytes = try request.packed(using: arenas)
    let query = try EarlyStoppingQuery(decoding: bytes, using: arenas)
    #expect(expectedFields(query.experiment) == expectedFields(golden.experiment))
    #expect(query.earlyStopping == spec)
    #expect(query.trialCount == 1)
    #expect(query.dbManagerAddress == "katib-db-manager.kubeflow:6789")
    let history = try bytes.withUnsafeBytes {
      try query.history(in: $0, space: try SearchSpace([]), using: arenas)
    }
    #expect(history.names == ["t-1"])
    #expect(history.conditions == [.succeeded])
  }

  @Test func addressMustBeText() {
    let error = wireError {
      _ = try EarlyStoppingQuery(decoding: Wire.payload(3, [0xff]), using: arenas)
    }
    #expect(error?.isMalformed == true)
  }

  @Test func otherMessagesSurviveTheRoundTrip() throws {
    let rules = GetEarlyStoppingRulesReply(rules: [
      EarlyStoppingRule(metricName: "acc", value: "0.5", comparison: .less, startStep: 4),
      EarlyStoppingRule(metricName: "", value: "", comparison: .unknown, startStep: -1),
    ])
    let rulesBytes = try rules.packed(using: arenas)
    #expect(try GetEarlyStoppingRulesReply(decoding: rulesBytes, using: arenas) == rules)
    let validate = ValidateEarlyStoppingSettingsRequest(
      earlyStopping: EarlyStoppingSpec(algorithmName: "medianstop"))
    let validateBytes = try validate.packed(using: arenas)
    #expect(
      try ValidateEarlyStoppingSettingsRequest(decoding: validateBytes, using: arenas) == validate)
    let status = SetTrialStatusRequest(trialName: "t-1")
    let statusBytes = try status.packed(using: arenas)
    #expect(statusBytes == Wire.text(1, "t-1"))
    #expect(try SetTrialStatusRequest(decoding: statusBytes, using: arenas) == status)
    #expect(try EmptyReply().packed(using: arenas).isEmpty)
  }
}
