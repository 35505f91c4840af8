// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import Algorithms
public import ExperimentModel
public import Testing

/// What the conformance suite must know of an algorithm beyond its name.
///
/// The table at the end holds the algorithms that need more than the defaults: a new algorithm
/// gets a row there only for settings that it requires and rules that it breaks on purpose.
public struct ConformanceCase: Sendable, CustomTestStringConvertible {
  public var algorithm: String
  /// Settings without which the algorithm refuses an Experiment.
  public var requiredSettings: [SettingText] = []
  /// Parameters that the algorithm wants beside those of the test's space.
  public var requiredParameters: [ParameterSpec] = []
  public var neuralArchitecture: NeuralArchitecture?
  public var parallelTrialCount = 4
  /// Continuous parameters are refused.
  public var needsFiniteSpace = false
  /// Parameters whose values are the algorithm's business: not held against the search space, the
  /// initial points or duplicates.
  public var ownParameters: Set<String> = []
  /// Points are suggested again on purpose (rungs, generations).
  public var repeatsPoints = false
  /// K suggestions at once are those of K requests for one, the earlier ones pending.
  public var batchEqualsSequence = false
  /// The reply is not made of the search space's parameters: names in order, nil where it is.
  public var ownAssignments: [String]?
  /// The reply depends on the seed.
  public var usesSeed = true

  public init(_ algorithm: String) {
    self.algorithm = algorithm
  }

  public var testDescription: String { algorithm }

  /// The registered algorithms, each with its row or the defaults.
  public static let all: [ConformanceCase] = Registry.standard.algorithms.map { algorithm in
    special.first { $0.algorithm == algorithm.name } ?? ConformanceCase(algorithm.name)
  }

  private static let special: [ConformanceCase] = [
    row("random") {
      $0.batchEqualsSequence = true
    },
    row("grid") {
      $0.needsFiniteSpace = true
      $0.batchEqualsSequence = true
    },
    row("sobol") {
      $0.batchEqualsSequence = true
    },
    row("hyperband", halving),
    row("asha", halving),
    row("pbt") {
      $0.requiredSettings = .of([
        "suggestion_trial_dir": "/checkpoint", "n_population": "5", "truncation_threshold": "0.4",
      ])
      $0.repeatsPoints = true
    },
    row("enas") {
      $0.neuralArchitecture = ExampleNetworks.small
      $0.ownAssignments = ["architecture", "nn_config"]
      // A small controller: the rules are the same, and the suite asks hundreds of times.
      $0.requiredSettings = .of(["controller_hidden_size": "8"])
      $0.batchEqualsSequence = true
    },
    row("darts") {
      $0.neuralArchitecture = ExampleNetworks.small
      $0.ownAssignments = ["algorithm-settings", "search-space", "num-layers"]
      $0.repeatsPoints = true
      $0.batchEqualsSequence = true
      $0.usesSeed = false
    },
  ]

  /// Configurations come again on their next rungs, and the resource is the rung's.
  private static func halving(_ row: inout ConformanceCase) {
    row.requiredSettings = .of(["r_l": "27", "resource_name": "epochs"])
    row.requiredParameters = [.int("epochs", "1", "20")]
    row.ownParameters = ["epochs"]
    row.repeatsPoints = true
  }

  private static func row(
    _ algorithm: String, _ configure: (inout ConformanceCase) -> Void
  ) -> ConformanceCase {
    var row = ConformanceCase(algorithm)
    configure(&row)
    return row
  }
}

extension ConformanceCase {
  /// An Experiment of this algorithm over `specs`.
  public func experiment(
    _ specs: [ParameterSpec], settings: [SettingText] = [],
    direction: Objective.Direction = .minimize
  ) -> Experiment {
    Experiment(
      name: "conformance", objective: Objective(direction: direction, metricName: "loss"),
      algorithmName: algorithm, algorithmSettings: requiredSettings + settings,
      parameterSpecs: specs + requiredParameters, parallelTrialCount: parallelTrialCount,
      neuralArchitecture: neuralArchitecture)
  }

  /// Every example space in the form that this algorithm takes.
  public var spaces: [(name: String, specs: [ParameterSpec])] {
    guard ownAssignments == nil else { return narrowSpaces }
    return narrowSpaces + [("200 parameters", ExampleSpaces.wide(finite: needsFiniteSpace))]
  }

  /// The same without the widest, for tests that ask often.
  public var narrowSpaces: [(name: String, specs: [ParameterSpec])] {
    // An Experiment has either parameters or a network.
    guard ownAssignments == nil else { return [("no parameters", [])] }
    return [
      ("mixed", ExampleSpaces.mixed(finite: needsFiniteSpace)),
      ("sixty points", ExampleSpaces.sixty),
      ("four points", ExampleSpaces.four),
      ("constant", ExampleSpaces.constant),
      ("partly constant", ExampleSpaces.partlyConstant(finite: needsFiniteSpace)),
      ("only a category", ExampleSpaces.onlyACategory),
      ("at the limits", ExampleSpaces.atTheLimits(finite: needsFiniteSpace)),
    ]
  }

  /// Where a reply breaks the contract: every parameter once, in the order of the spec, with a
  /// feasible value.
  public func problems(_ reply: SuggestionReply, _ experiment: Experiment, count: Int) -> [String] {
    var problems: [String] = []
    if reply.suggestions.count != count {
      problems.append("\(reply.suggestions.count) suggestions instead of \(count)")
    }
    guard let space = try? SearchSpace(experiment.parameterSpecs) else {
      return problems + ["the search space is unsound"]
    }
    let names = ownAssignments ?? space.parameters.map(\.name)
    for (i, suggestion) in reply.suggestions.enumerated() {
      if suggestion.assignments.map(\.name) != names {
        problems.append("suggestion \(i) assigns \(suggestion.assignments.map(\.name))")
        continue
      }
      guard ownAssignments == nil else { continue }
      for (parameter, assignment) in zip(space.parameters, suggestion.assignments)
      where !ownParameters.contains(parameter.name) {
        let reading = parameter.reading(assignment.value)
        let isOwn = parameter.contains(reading: reading)
        if !isOwn || parameter.text(ofReading: reading) != assignment.value {
          problems.append("suggestion \(i): \(assignment.name) is \(assignment.value)")
        }
      }
    }
    return problems
  }

  /// Points to fill histories with.
  public func points(
    _ count: Int, in experiment: Experiment, seed: UInt64
  ) throws -> [[Assignment]] {
    guard ownAssignments == nil else {
      return try experiment.ask(count).suggestions.map(\.assignments)
    }
    return try ExamplePoints.random(count, in: experiment, seed: seed)
  }

  /// The assignments that tell points apart.
  public func point(_ suggestion: Suggestion) -> [String] {
    suggestion.assignments.filter { !ownParameters.contains($0.name) }.map(\.value)
  }
}
