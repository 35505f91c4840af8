// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import TestSupport
import Testing

@testable import Algorithms

@Suite struct HyperbandSettingsTests {
  static func experiment(
    _ settings: KeyValuePairs<String, String>, algorithm: String = "hyperband", parallel: Int = 3,
    resource: ParameterSpec = .int("epochs", "1", "9")
  ) -> Experiment {
    Experiment(
      name: "settings", objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: .of(["random_state": "1"]) + .of(settings),
      parameterSpecs: [.double("rate", "0", "1"), resource], parallelTrialCount: parallel)
  }

  @Test(
    arguments: ["hyperband", "asha"],
    [
      (["resource_name": "epochs"], "r_l is missing, it must be a number greater than 0"),
      (["r_l": "9"], "resource_name is missing, it must be the name of a parameter"),
      (["r_l": "x", "resource_name": "epochs"], "failed to validate r_l(x)"),
      (["r_l": "nan", "resource_name": "epochs"], "failed to validate r_l(nan)"),
      (
        ["r_l": "0", "resource_name": "epochs"], "r_l is \"0\", it must be a number greater than 0"
      ),
      (["r_l": "-9", "resource_name": "epochs"], "r_l is \"-9\""),
      (["r_l": "9", "resource_name": ""], "resource_name is \"\""),
      (
        ["r_l": "9", "resource_name": "steps"],
        "resource_name is \"steps\", it must be the name of a parameter"
      ),
      (["r_l": "9", "resource_name": "epochs", "eta": "1"], "eta is \"1\", it must be a number"),
      (["r_l": "9", "resource_name": "epochs", "eta": "0.5"], "eta is \"0.5\""),
      (["r_l": "9", "resource_name": "epochs", "eta": "three"], "failed to validate eta(three)"),
      (["r_l": "9", "resource_name": "epochs", "sampler": "grid"], "sampler is \"grid\""),
    ] as [(KeyValuePairs<String, String>, String)])
  func whatIsWrongIsNamed(
    _ algorithm: String, _ wrong: (settings: KeyValuePairs<String, String>, message: String)
  ) {
    let refusal = HyperbandSettingsTests.experiment(wrong.settings, algorithm: algorithm).refusal()
    #expect(refusal?.hasPrefix(wrong.message) == true, "\(refusal ?? "accepted")")
  }

  /// What Katib's image accepts, and what it has no reason to refuse.
  @Test(
    arguments: [
      ["r_l": "9", "resource_name": "epochs"],
      ["r_l": "9.0", "resource_name": "epochs", "eta": "3.0"],
      ["r_l": "1e3", "resource_name": "epochs", "eta": "2.5"],
      ["r_l": "0.5", "resource_name": "epochs", "eta": "0"],
      ["r_l": "9", "resource_name": "epochs", "eta": "-1"],
      ["r_l": "1e300", "resource_name": "rate", "eta": "1.000001"],
      ["r_l": "9007199254740991", "resource_name": "epochs", "eta": "1.000001"],
      ["r_l": "9", "resource_name": "rate"],
      [
        "r_l": "9.0", "resource_name": "epochs", "eta": "3.0", "s_max": "2", "b_l": "27.0",
        "r": "1.0", "n": "9", "current_s": "-1", "current_i": "x", "evaluating_trials": "9",
      ],
      ["r_l": "9", "resource_name": "epochs", "open_issues": "somebody wrote this"],
    ] as [KeyValuePairs<String, String>])
  func whatIsRightIsServed(_ settings: KeyValuePairs<String, String>) throws {
    for parallel in [0, 1, 2, 100] {
      let experiment = HyperbandSettingsTests.experiment(settings, parallel: parallel)
      #expect(experiment.refusal() == nil)
      #expect(try experiment.ask(30).suggestions.count == 30)
    }
  }

  /// A CATEGORICAL of words passed validation and was told "1.5", which no trial understands; an INT
  /// was told 9.999e+299, which no trial reads as a whole number.
  @Test(
    arguments: ["hyperband", "asha"],
    [
      (.categorical("epochs", ["few", "many"]), "9", "resource_name is \"epochs\", whose"),
      (.categorical("epochs", ["1", "many"]), "9", "resource_name is \"epochs\", whose"),
      (.discrete("epochs", ["1", "many"]), "9", "resource_name is \"epochs\", whose"),
      (.int("epochs", "1", "9"), "1e300", "r_l is 1e+300, it must be less than 9007199254740992"),
      (.int("epochs", "1", "9"), "9007199254740992", "r_l is 9007199254740992.0, it must be less"),
      (.discrete("epochs", ["1", "3"]), "1e16", "r_l is 1e+16, it must be less than"),
    ] as [(ParameterSpec, String, String)])
  func aResourceThatCannotBeToldIsRefused(
    _ algorithm: String, _ wrong: (resource: ParameterSpec, largest: String, message: String)
  ) {
    let refusal = HyperbandSettingsTests.experiment(
      ["r_l": "\(wrong.largest)", "resource_name": "epochs", "eta": "1.0000001"],
      algorithm: algorithm, resource: wrong.resource
    ).refusal()
    #expect(refusal?.hasPrefix(wrong.message) == true, "\(refusal ?? "accepted")")
  }

  /// The largest whole number goes out as one.
  @Test func wholeResourcesStayWhole() throws {
    let experiment = HyperbandSettingsTests.experiment(
      ["r_l": "9007199254740991", "resource_name": "epochs", "eta": "1.0000001"])
    #expect(experiment.refusal() == nil)
    for suggestion in try experiment.ask(60).suggestions {
      #expect(Int(suggestion.assignments[1].value) != nil, "\(suggestion.assignments[1])")
    }
  }

  /// Katib's image passes over settings that it does not know; asha is ours.
  @Test func unknownSettings() {
    let settings: KeyValuePairs = ["r_l": "9", "resource_name": "epochs", "etta": "2"]
    #expect(HyperbandSettingsTests.experiment(settings).refusal() == nil)
    #expect(
      HyperbandSettingsTests.experiment(settings, algorithm: "asha").refusal()
        == "unknown setting etta for algorithm asha")
  }

  @Test func anEtaOfZeroOrLessMeansThree() throws {
    let three = try HyperbandSettingsTests.experiment(["r_l": "9", "resource_name": "epochs"])
      .ask(40).suggestions
    for eta in ["0", "-2", "3", "3.0"] {
      let other = HyperbandSettingsTests.experiment(
        ["r_l": "9", "resource_name": "epochs", "eta": "\(eta)"])
      #expect(try other.ask(40).suggestions == three, "\(eta)")
    }
  }

  /// Katib's own test asks without validating: a resource that is no parameter gets its points.
  @Test(arguments: ["hyperband", "asha"])
  func aResourceThatIsNoParameterIsRefusedOnlyAtValidation(_ algorithm: String) throws {
    let experiment = HyperbandSettingsTests.experiment(
      ["r_l": "10", "resource_name": "--num-epochs"], algorithm: algorithm)
    #expect(experiment.refusal() != nil)
    let trials = (0..<2).map { i in
      TrialFixture("test-\(i)", .created, .of(["rate": "0.\(i)", "epochs": "3"]))
    }
    let reply = try experiment.ask(2, after: trials)
    #expect(reply.suggestions.count == 2)
    #expect(reply.suggestions.allSatisfy { $0.assignments.map(\.name) == ["rate", "epochs"] })
    // Rungs still go by the names of the trials.
    var controller = SimulatedController(experiment, parallel: 4, seed: 1) { _ in 1 }
    try controller.run(maximum: 40)
    #expect(controller.violations.isEmpty)
    #expect(controller.trials.allSatisfy { (1...9).contains(Int($0["epochs"]) ?? 0) })
  }

  /// The resource is the rung's, wherever the parameter's own range or grid lies.
  @Test(arguments: [
    (ParameterSpec.int("epochs", "1", "1"), "10", ["1", "3", "10"]),
    (.int("epochs", "0", "100", step: "25"), "10", ["1", "3", "10"]),
    (.double("epochs", "0", "1", step: "0.5"), "9", ["1", "3", "9"]),
    (.double("epochs", "100", "200"), "4.5", ["1.5", "4.5"]),
    (.discrete("epochs", ["5", "7"]), "10", ["1", "3", "10"]),
    (.discrete("epochs", ["0.5", "7"]), "4.5", ["1.5", "4.5"]),
    (.categorical("epochs", ["5", "7"]), "4.5", ["1.5", "4.5"]),
  ])
  func theResourceIsTheRungs(
    _ resource: ParameterSpec, _ largest: String, _ texts: [String]
  ) throws {
    let experiment = HyperbandSettingsTests.experiment(
      ["r_l": largest, "resource_name": "epochs"], resource: resource)
    #expect(experiment.refusal() == nil)
    let found = Set(try experiment.ask(60).suggestions.map { $0.assignments[1].value })
    #expect(found == Set(texts))
  }

  /// The user's points are the first suggestions, on the resource of their rung, and every one of
  /// them comes before the first promotion.
  @Test(arguments: ["hyperband", "asha"])
  func initialPointsComeFirst(_ algorithm: String) throws {
    let points = (0..<12).map { "{\"rate\": 0.\($0 + 1)1, \"epochs\": 7}" }
    let experiment = HyperbandSettingsTests.experiment(
      [
        "r_l": "9", "resource_name": "epochs",
        "initial_points": "[\(points.joined(separator: ","))]",
      ], algorithm: algorithm)
    #expect(experiment.refusal() == nil)
    for parallel in [1, 5] {
      var controller = SimulatedController(experiment, parallel: parallel, seed: 2) {
        abs((NumberText.parse($0["rate"]) ?? 1) - 0.11)
      }
      try controller.run(maximum: 40)
      #expect(controller.violations.isEmpty)
      let first = controller.trials.prefix(12)
      #expect(first.map { $0["rate"] } == (1..<13).map { "0.\($0)1" })
      // asha has one base; hyperband's holds nine, then comes the next bracket's.
      let bases = algorithm == "asha" ? 12 : 9
      #expect(first.prefix(bases).allSatisfy { $0["epochs"] == "1" })
      #expect(first.dropFirst(bases).allSatisfy { $0["epochs"] == "3" })
      // The best of them goes on.
      #expect(controller.trials.contains { $0["rate"] == "0.11" && $0["epochs"] == "9" })
    }
  }
}
