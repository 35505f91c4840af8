// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport

@testable import Algorithms

/// An Experiment of rungs, and what a run of it has put on them, told by the values of the trials
/// alone: whoever looks at the cluster sees no more.
struct RungExample {
  static let resource = "epochs"

  var algorithm = "hyperband"
  var largest: Double
  var eta: Double
  var settings: [SettingText] = [SettingText(name: "sampler", value: "random")]
  /// Declared far off the rungs, as Katib's own example does.
  var resourceSpec: ParameterSpec = .int(RungExample.resource, "1", "1")
  var specs: [ParameterSpec] = [
    .double("rate", "1e-4", "1e-1", .logUniform), .int("units", "1", "1000"),
    .categorical("optimizer", ["sgd", "adam", "ftrl"]),
  ]

  var isWhole: Bool { resourceSpec.kindNumber == ParameterKind.int.rawValue }

  var schedule: HyperbandSchedule {
    HyperbandSchedule(largest: largest, eta: eta, isWhole: isWhole)
  }

  var experiment: Experiment {
    Experiment(
      name: "rungs", objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: .of([
        "r_l": NumberText.text(largest), "eta": NumberText.text(eta),
        "resource_name": RungExample.resource,
      ]) + settings,
      parameterSpecs: [specs[0], resourceSpec] + specs[1...])
  }

  /// A loss that only depends on the configuration, so that ranks are the same on every rung.
  @Sendable static func loss(_ trial: SimulatedController.Trial) -> Double {
    var hash: UInt64 = 7
    for value in trial.configuration(without: RungExample.resource) {
      for byte in value.utf8 { hash = RandomSource.mix(hash ^ UInt64(byte)) }
    }
    return Double(hash >> 11) * 0x1p-53
  }

  func controller(parallel: Int, seed: UInt64) -> SimulatedController {
    SimulatedController(
      experiment, parallel: parallel, seed: seed, objective: RungExample.loss)
  }

  /// The trials by bracket, counted through all rounds, and rung.
  ///
  /// A configuration begins on its smallest resource; those that begin alike make up brackets in
  /// the order of their issue, as many in each as the theory says.
  func brackets(
    _ trials: [SimulatedController.Trial]
  ) -> [Int: [Int: [SimulatedController.Trial]]] {
    let schedule = schedule
    let levels = Dictionary(
      uniqueKeysWithValues: schedule.resources.indices.map { (schedule.text(level: $0), $0) })
    var home: [[String]: Int] = [:]
    var counts: [Int: Int] = [:]
    var brackets: [Int: [Int: [SimulatedController.Trial]]] = [:]
    for trial in trials {
      // A value of no rung makes a bracket of its own, which no test expects.
      let level = levels[trial[RungExample.resource]] ?? -1
      let configuration = trial.configuration(without: RungExample.resource)
      if home[configuration] == nil, level >= 0 {
        let population = schedule.brackets[level][0].population
        let round = counts[level, default: 0] / population
        counts[level, default: 0] += 1
        home[configuration] = round * schedule.brackets.count + level
      }
      brackets[home[configuration] ?? -1, default: [:]][level, default: []].append(trial)
    }
    return brackets
  }
}

extension [Assignment] {
  static func of(_ values: KeyValuePairs<String, String>) -> [Assignment] {
    values.map { Assignment(name: $0.key, value: $0.value) }
  }
}
