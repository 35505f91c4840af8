// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct TPESearchTests {
  private func experiment(_ candidates: String) -> Experiment {
    ConformanceCase("tpe").experiment(
      [.double("x", "0", "1"), .int("n", "1", "9")],
      settings: .of(["random_state": "1", "n_EI_candidates": candidates]))
  }

  /// A billion candidates passed validation and kept a worker busy for ever, past every deadline;
  /// a few such calls stopped the server.
  @Test func candidatesAreBounded() throws {
    let largest = experiment("\(AlgorithmLimits.candidates)")
    let trials = try ConformanceCase("tpe").trials(20, in: largest, seed: 3)
    let expected = try largest.ask(1, after: trials)
    #expect(expected.notices.isEmpty)
    let reply = try experiment("1000000000").ask(1, after: trials)
    #expect(reply.suggestions == expected.suggestions)
    #expect(reply.notices == ["1000000000 candidates are taken for \(AlgorithmLimits.candidates)"])
  }

  @Test func candidatesCanBeCancelled() throws {
    struct Cancelled: Error {}
    var settings = TPEEngine.Settings()
    settings.candidateCount = 1_000_000
    let engine = TPEEngine(axes: [.continuous], settings: settings, startup: { _ in [0.5] })
    let history = EngineHistory(
      evaluated: PointList(dimension: 1, points: (0..<10).map { [Double($0) / 10] }),
      objectives: (0..<10).map(Double.init), pending: PointList(dimension: 1))
    var checks = 0
    #expect(throws: Cancelled.self) {
      try engine.suggest(count: 1, position: 10, history: history) {
        checks += 1
        if checks > 3 { throw Cancelled() }
      }
    }
  }
}
