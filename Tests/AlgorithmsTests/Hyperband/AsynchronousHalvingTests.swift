// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import TestSupport
import Testing

@testable import Algorithms

@Suite struct AsynchronousHalvingTests {
  static func example(_ largest: Double, _ eta: Double) -> RungExample {
    var example = RungExample(largest: largest, eta: eta)
    example.algorithm = "asha"
    return example
  }

  /// What algorithm 2 of the paper answers, worked out on the trials alone: for every slot the
  /// highest rung with a candidate, else a new configuration.
  private static func wanted(
    _ count: Int, _ trials: [SimulatedController.Trial], _ example: RungExample
  ) -> [[String]?] {
    let texts = example.schedule.resources.indices.map(example.schedule.text)
    var answer: [[String]?] = []
    var reached: [[String]: Int] = [:]
    for trial in trials {
      let configuration = trial.configuration(without: RungExample.resource)
      let level = texts.firstIndex(of: trial[RungExample.resource]) ?? -1
      reached[configuration] = max(reached[configuration] ?? -1, level)
    }
    for level in texts.indices.dropLast().reversed() {
      let finished = trials.filter {
        $0[RungExample.resource] == texts[level] && $0.objective != nil
      }.sorted { RungExample.loss($0) < RungExample.loss($1) }
      for trial in finished.prefix(Int(Double(finished.count) / example.eta)) {
        let configuration = trial.configuration(without: RungExample.resource)
        if reached[configuration] == level, answer.count < count {
          answer.append(configuration + [texts[level + 1]])
        }
      }
    }
    return answer + Array(repeating: nil, count: count - answer.count)
  }

  @Test(arguments: HyperbandScheduleTests.theory, [1, 3, 9, 30])
  func theBestOfEveryRungGoOn(
    _ theory: (largest: Double, eta: Double, brackets: [[Int]]), _ parallel: Int
  ) throws {
    let example = AsynchronousHalvingTests.example(theory.largest, theory.eta)
    let seed = UInt64(parallel)
    var controller = example.controller(parallel: parallel, seed: seed)
    controller.rates = .init(failed: 0.1, killed: 0.1, lostReplies: 0.1)
    let place = "R \(theory.largest), eta \(theory.eta), parallel \(parallel), seed \(seed)"
    for _ in 0..<40 {
      let before = controller.trials
      try controller.run(maximum: 500) { $0.trials.count > before.count }
      let added = controller.trials.dropFirst(before.count)
      // The last state before the reply is not kept, so look at what the next one would be.
      guard !added.isEmpty else { continue }
      let known = controller.trials
      let answer = AsynchronousHalvingTests.wanted(parallel, known, example)
      var copy = controller
      copy.rates.lostReplies = 0
      try copy.ask(parallel)
      for (trial, wanted) in zip(copy.trials.dropFirst(known.count), answer) {
        let values =
          trial.configuration(without: RungExample.resource) + [trial[RungExample.resource]]
        if let wanted {
          #expect(values == wanted, "\(place)")
        } else {
          #expect(trial[RungExample.resource] == example.schedule.text(level: 0), "\(place)")
        }
      }
    }
    #expect(controller.violations.isEmpty, "\(place): \(controller.violations)")
    let top = controller.trials.filter {
      $0[RungExample.resource] == example.schedule.text(level: example.schedule.topLevel)
    }
    if parallel > 1, theory.largest < 10 { #expect(!top.isEmpty, "\(place)") }
  }

  @Test(arguments: [3, 9, 30]) func disturbancesBreakNothing(_ parallel: Int) throws {
    let example = AsynchronousHalvingTests.example(27, 3)
    for seed: UInt64 in 0..<8 {
      var controller = example.controller(parallel: parallel, seed: seed)
      controller.rates = .init(failed: 0.1, killed: 0.05, hidden: 0.1, early: 0.1, lostReplies: 0.2)
      controller.changes = [10: 2, 25: parallel + 5, 40: 1, 55: parallel, 90: parallel / 2 + 1]
      try controller.run(maximum: 150)
      #expect(controller.violations.isEmpty, "seed \(seed): \(controller.violations)")
      // No configuration runs twice on one resource.
      let values = controller.trials.map { $0.assignments.map(\.value) }
      #expect(Set(values).count == values.count, "parallel \(parallel), seed \(seed)")
    }
  }
}
