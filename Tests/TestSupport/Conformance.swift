// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
public import ExperimentModel
internal import Glibc
internal import Numerics
internal import Testing

/// What every algorithm must do, one function a rule. The test target runs each over
/// `ConformanceCase.all`, that is, over the registry: a new algorithm inherits them.
public enum Conformance {
  /// A reply holds exactly what was asked for, and all of it is feasible.
  public static func countsAreExact(_ algorithm: ConformanceCase) throws {
    for (name, specs) in algorithm.spaces {
      let experiment = algorithm.experiment(specs)
      let trials = try algorithm.trials(HistoryCase.size, in: experiment, seed: 1)
      let isWide = specs.count > 100
      for count in name == "sixty points" ? Array(1...100) : isWide ? [1, 9] : [1, 2, 7, 100] {
        let reply = try experiment.ask(count, after: trials)
        let problems = algorithm.problems(reply, experiment, count: count)
        #expect(problems.isEmpty, "\(algorithm.algorithm), \(name), \(count): \(problems)")
      }
    }
  }

  /// The largest request that the service takes. Katib gives it 60 s, of half a core: whatever a
  /// model costs per point, it cannot be paid 10,000 times.
  public static func theLargestRequestIsAnswered(_ algorithm: ConformanceCase) throws {
    let experiment = algorithm.experiment(
      ExampleSpaces.partlyConstant(finite: algorithm.needsFiniteSpace))
    for history in [0, HistoryCase.size] {
      let trials = try algorithm.trials(history, in: experiment, seed: 4)
      let problems = algorithm.problems(
        try experiment.ask(10_000, after: trials), experiment, count: 10_000)
      #expect(problems.isEmpty, "\(algorithm.algorithm), \(history): \(problems.prefix(5))")
    }
  }

  /// What the conformance suite asks passes validation too, so that nothing is tested that no
  /// controller would ask.
  public static func validationPasses(_ algorithm: ConformanceCase) {
    for (name, specs) in algorithm.spaces {
      let refusal = algorithm.experiment(specs).refusal()
      #expect(refusal == nil, "\(algorithm.algorithm), \(name)")
    }
  }

  /// Whatever the history holds: exact count, feasible values, and the same reply to the same
  /// request, in whatever order its trials come.
  public static func survives(_ history: HistoryCase, _ algorithm: ConformanceCase) throws {
    for (name, specs) in algorithm.narrowSpaces {
      let experiment = algorithm.experiment(specs, settings: algorithm.seed(3))
      let trials = history.trials(
        try algorithm.points(HistoryCase.size, in: experiment, seed: 2))
      let reply = try experiment.ask(5, after: trials)
      let problems = algorithm.problems(reply, experiment, count: 5)
      let place = "\(algorithm.algorithm), \(name), \(history.name)"
      #expect(problems.isEmpty, "\(place): \(problems)")
      for seed: UInt64 in 0..<2 {
        let again = try experiment.ask(5, after: ExamplePoints.shuffled(trials, seed: seed))
        #expect(again.suggestions == reply.suggestions, "\(place): shuffle \(seed)")
        #expect(again.settings == reply.settings, "\(place): shuffle \(seed)")
      }
    }
  }

  /// The position is the controller's count and need not fit the trials shown: more of them where
  /// some are deleted or invisible, fewer where a same-named Experiment has trials of its own.
  public static func survivesAnyPosition(_ algorithm: ConformanceCase) throws {
    for (name, specs) in algorithm.spaces {
      let experiment = algorithm.experiment(specs, settings: algorithm.seed(3))
      let trials = try algorithm.trials(HistoryCase.size, in: experiment, seed: 2)
      for position in [0, 1, 23, 25, 59, 60, 61, 1_000, 1 << 31 - 101] {
        let reply = try experiment.ask(3, after: trials, position: position)
        let problems = algorithm.problems(reply, experiment, count: 3)
        #expect(problems.isEmpty, "\(algorithm.algorithm), \(name), \(position): \(problems)")
      }
    }
  }

  /// One reply of K is K replies of one, where the algorithm promises so.
  public static func batchIsSequence(_ algorithm: ConformanceCase) throws {
    guard algorithm.batchEqualsSequence else { return }
    for (name, specs) in algorithm.narrowSpaces {
      let experiment = algorithm.experiment(specs, settings: algorithm.seed(3))
      var trials = try algorithm.trials(HistoryCase.size, in: experiment, seed: 4)
      let batch = try experiment.ask(40, after: trials).suggestions
      for (i, expected) in batch.enumerated() {
        let single = try experiment.ask(1, after: trials).suggestions
        #expect(
          single.map(\.assignments) == [expected.assignments],
          "\(algorithm.algorithm), \(name), suggestion \(i)")
        let trialName = expected.trialName.isEmpty ? "next-\(i)" : expected.trialName
        trials.append(TrialFixture(trialName, .created, expected.assignments))
      }
    }
  }

  /// No point that stands in the history, whatever became of it, nor one of the same reply, while
  /// the space has others.
  public static func duplicatesAreAvoided(_ algorithm: ConformanceCase) throws {
    guard !algorithm.repeatsPoints, algorithm.ownAssignments == nil else { return }
    for seed: UInt64 in 0..<5 {
      let experiment = algorithm.experiment(ExampleSpaces.sixty, settings: algorithm.seed(seed))
      let trials = try algorithm.distinctTrials(25, in: experiment, seed: seed)
      let known = Set(trials.map { algorithm.point(Suggestion(assignments: $0.assignments)) })
      // 25 stand in the history: 35 are left, then repeats must do.
      let reply = try experiment.ask(45, after: trials).suggestions.map(algorithm.point)
      let place = "\(algorithm.algorithm), seed \(seed)"
      #expect(reply.count == 45, "\(place)")
      #expect(Set(reply.prefix(35)).count == 35, "\(place): repeats within the reply")
      #expect(known.isDisjoint(with: reply.prefix(35)), "\(place): repeats of the history")
    }
    let continuous = algorithm.experiment(
      ExampleSpaces.mixed(finite: algorithm.needsFiniteSpace), settings: algorithm.seed(1))
    let reply = try continuous.ask(100).suggestions.map(algorithm.point)
    #expect(Set(reply).count == 100, "\(algorithm.algorithm)")
  }

  /// What a model wants most is suggested once, also where the way to a text and back changes a
  /// point's last bits: at the end of a range, and on a grid whose cells are not even.
  ///
  /// bayesianoptimization once spent 33 of 40 trials on the same integer of a logarithmic range.
  public static func theBestPointIsTriedOnce(_ algorithm: ConformanceCase) throws {
    guard !algorithm.repeatsPoints, algorithm.ownAssignments == nil else { return }
    func distance(_ values: [String: String], _ name: String, from best: Double) -> Double {
      abs((values[name].flatMap(NumberText.parse) ?? .nan).logarithm - best.logarithm)
    }
    let grid: [ParameterSpec] = [.int("n", "1", "100000", .logUniform), .int("one", "1", "1")]
    let ends: [ParameterSpec] = [
      .double("x", "3e-4", "1", step: algorithm.needsFiniteSpace ? "1e-4" : "", .logUniform),
      .double("y", "0.5", "8", step: algorithm.needsFiniteSpace ? "0.5" : "", .logNormal),
    ]
    for seed: UInt64 in 0..<2 {
      let runs = [
        try SequentialRun.suggestions(
          40, of: algorithm.experiment(grid, settings: algorithm.seed(seed))
        ) { distance($0, "n", from: 3) },
        try SequentialRun.suggestions(
          40, of: algorithm.experiment(ends, settings: algorithm.seed(seed))
        ) { distance($0, "x", from: 1) + distance($0, "y", from: 8) },
      ]
      for (run, suggestions) in runs.enumerated() {
        let points = Set(suggestions.map { algorithm.point(Suggestion(assignments: $0)) })
        #expect(points.count == 40, "\(algorithm.algorithm), run \(run), seed \(seed)")
      }
    }
  }

  /// Trials without metrics vanish from the requests. Where the best part of a small space always
  /// ends like that, a model that does not notice asks for the same point for ever: tpe once issued
  /// one point 50 times in 100 trials, cmaes 76 times.
  public static func vanishedTrialsAreNoticed(_ algorithm: ConformanceCase) throws {
    guard !algorithm.repeatsPoints, algorithm.ownAssignments == nil else { return }
    let specs: [ParameterSpec] = [
      .int("a", "1", "8"), .int("b", "1", "8"), .categorical("c", ["x", "y", "z"]),
    ]
    for seed: UInt64 in 0..<3 {
      let experiment = algorithm.experiment(specs, settings: algorithm.seed(seed))
      let suggestions = try SequentialRun.suggestions(100, of: experiment) { values in
        let a = values["a"].flatMap(Double.init) ?? 0
        let b = values["b"].flatMap(Double.init) ?? 0
        let isHidden = values["c"] == "y" && a <= 4
        return isHidden ? nil : (a - 3) * (a - 3) + (b - 5) * (b - 5) + (values["c"] == "y" ? 0 : 2)
      }
      var counts: [[String]: Int] = [:]
      for each in suggestions { counts[each.map(\.value), default: 0] += 1 }
      let place = "\(algorithm.algorithm), seed \(seed)"
      #expect(
        counts.values.max() ?? 0 <= 10, "\(place): one point \(counts.values.max() ?? 0) times")
      #expect(counts.count >= 70, "\(place): \(counts.count) different points of 100")
    }
  }

  /// Point i of `initial_points` is suggestion number i, in the user's own spelling where it is a
  /// number; parameters left out are sampled.
  public static func initialPointsComeFirst(_ algorithm: ConformanceCase) throws {
    guard try Registry.standard.algorithm(named: algorithm.algorithm).acceptsInitialPoints
    else { return }
    let initial = """
      [{"i": 1, "d": 0.3, "c": "z"}, {"c": "y"}, {"d": "0.1", "i": "-2", "c": "x"}]
      """
    let settings = algorithm.seed(5) + .of(["initial_points": initial])
    let experiment = algorithm.experiment(ExampleSpaces.sixty, settings: settings)
    #expect(experiment.refusal() == nil, "\(algorithm.algorithm)")
    func points(_ count: Int, position: Int) throws -> [[String]] {
      let reply = try experiment.ask(count, position: position)
      let problems = algorithm.problems(reply, experiment, count: count)
      #expect(problems.isEmpty, "\(algorithm.algorithm): \(problems)")
      return reply.suggestions.map { $0.assignments.prefix(3).map(\.value) }
    }
    let first = try points(5, position: 0)
    #expect(first[0] == ["1", "0.3", "z"], "\(algorithm.algorithm)")
    #expect(first[1][2] == "y", "\(algorithm.algorithm)")
    #expect(first[2] == ["-2", "0.1", "x"], "\(algorithm.algorithm)")
    if !algorithm.repeatsPoints {
      #expect(Set(first).count == 5, "\(algorithm.algorithm): \(first)")
    }
    for position in 0..<3 {
      // However they are asked for: one by one, or the last of them with others behind.
      #expect(try points(1, position: position) == [first[position]], "\(algorithm.algorithm)")
      let rest = try points(4, position: position).prefix(3 - position)
      #expect(Array(rest) == Array(first[position..<3]), "\(algorithm.algorithm)")
    }

    for (text, part) in [
      (#"[{"i": 9}]"#, "\"i\""), (#"[{}, {"nobody": 1}]"#, "\"nobody\""), ("{}", "initial_points"),
      (#"[{"c": "w"}]"#, "\"w\""), (#"[{"d": 0.35}]"#, "0.35"), ("[1]", "initial_points"),
    ] {
      let broken = algorithm.experiment(
        ExampleSpaces.sixty, settings: .of(["initial_points": text]))
      #expect(broken.refusal()?.contains(part) == true, "\(algorithm.algorithm): \(text)")
      #expect(throws: InvalidExperiment.self, "\(algorithm.algorithm): \(text)") {
        try broken.ask(1)
      }
    }
  }

  /// Where the seed comes from, that it is returned when it was drawn, and that it decides.
  public static func seedIsKept(_ algorithm: ConformanceCase) throws {
    let seeding = try Registry.standard.algorithm(named: algorithm.algorithm).seeding
    let specs = ExampleSpaces.mixed(finite: algorithm.needsFiniteSpace)
    let plain = algorithm.experiment(specs)
    let trials = try algorithm.trials(HistoryCase.size, in: plain, seed: 6)
    func ask(_ experiment: Experiment, drawnSeed: UInt64 = 1) throws -> SuggestionReply {
      try experiment.ask(4, after: trials, drawnSeed: drawnSeed)
    }
    func returned(_ reply: SuggestionReply) -> [String] {
      reply.settings.filter { $0.name == "random_state" }.map(\.value)
    }
    func seeded(_ seed: UInt64) -> Experiment {
      algorithm.experiment(specs, settings: .of(["random_state": "\(seed)"]))
    }

    switch seeding {
    case .drawn:
      let reply = try ask(plain, drawnSeed: .max)
      #expect(returned(reply) == ["2147483647"], "\(algorithm.algorithm)")
      let again = try ask(seeded(2_147_483_647))
      #expect(again.suggestions == reply.suggestions, "\(algorithm.algorithm)")
      #expect(returned(again).isEmpty, "\(algorithm.algorithm)")
    case .zero:
      let reply = try ask(plain)
      #expect(returned(reply).isEmpty, "\(algorithm.algorithm)")
      #expect(try ask(plain, drawnSeed: 2).suggestions == reply.suggestions)
      #expect(try ask(seeded(0)).suggestions == reply.suggestions, "\(algorithm.algorithm)")
    case .experimentName:
      let reply = try ask(plain)
      #expect(reply.settings.isEmpty, "\(algorithm.algorithm)")
      #expect(try ask(plain, drawnSeed: 2).suggestions == reply.suggestions)
      #expect(try ask(seeded(1)).settings.isEmpty, "\(algorithm.algorithm)")
      var renamed = plain
      renamed.name = "another"
      let isOther = try ask(renamed).suggestions != reply.suggestions
      #expect(isOther == algorithm.usesSeed, "\(algorithm.algorithm)")
    }
    let seedsDiffer = try ask(seeded(1)).suggestions != ask(seeded(2)).suggestions
    #expect(seedsDiffer == algorithm.usesSeed, "\(algorithm.algorithm)")
    for text in ["-1", "1.5", "", "x", "99999999999999999999"] {
      let broken = algorithm.experiment(specs, settings: .of(["random_state": text]))
      #expect(broken.refusal()?.contains("random_state") == true, "\(algorithm.algorithm): \(text)")
    }
  }

  /// Minimising y and maximising -y are one and the same.
  public static func directionsMirror(_ algorithm: ConformanceCase) throws {
    for (name, specs) in algorithm.spaces {
      let settings = algorithm.seed(8)
      let down = algorithm.experiment(specs, settings: settings, direction: .minimize)
      let up = algorithm.experiment(specs, settings: settings, direction: .maximize)
      let trials = try algorithm.trials(HistoryCase.size, in: down, seed: 7)
      let mirrored = trials.map { trial in
        var trial = trial
        for i in trial.metrics.indices {
          let text = trial.metrics[i].value
          trial.metrics[i].value = text.hasPrefix("-") ? String(text.dropFirst()) : "-" + text
        }
        return trial
      }
      let suggestions = try down.ask(5, after: trials).suggestions
      #expect(
        try up.ask(5, after: mirrored).suggestions == suggestions, "\(algorithm.algorithm), \(name)"
      )
    }
  }

  /// `failed_trials` is taken by every algorithm, in both its values.
  public static func failedTrialsIsASetting(_ algorithm: ConformanceCase) throws {
    for value in ["penalize", "ignore"] {
      let experiment = algorithm.experiment(
        ExampleSpaces.sixty, settings: algorithm.seed(1) + .of(["failed_trials": value]))
      #expect(experiment.refusal() == nil, "\(algorithm.algorithm)")
      var trials = try algorithm.distinctTrials(30, in: experiment, seed: 9)
      for i in trials.indices.filter({ $0 % 3 == 0 }) {
        trials[i].conditionNumber = TrialCondition.failed.rawValue
        trials[i].metrics = []
      }
      let reply = try experiment.ask(10, after: trials)
      let problems = algorithm.problems(reply, experiment, count: 10)
      #expect(problems.isEmpty, "\(algorithm.algorithm), \(value): \(problems)")
      let known = Set(trials.map { algorithm.point(Suggestion(assignments: $0.assignments)) })
      #expect(
        algorithm.repeatsPoints || known.isDisjoint(with: reply.suggestions.map(algorithm.point)),
        "\(algorithm.algorithm), \(value)")
    }
    let broken = algorithm.experiment(
      ExampleSpaces.sixty, settings: .of(["failed_trials": "retry"]))
    #expect(broken.refusal()?.contains("failed_trials") == true, "\(algorithm.algorithm)")
  }

  /// A setting that nobody declared is refused at validation, except where Katib's image of that
  /// name passes over it; with a request for suggestions it never matters.
  public static func unknownSettings(_ algorithm: ConformanceCase) throws {
    let experiment = algorithm.experiment(
      ExampleSpaces.sixty, settings: algorithm.seed(1) + .of(["no_such_setting": "1"]))
    let registered = try Registry.standard.algorithm(named: algorithm.algorithm)
    let accepts = registered.acceptsUnknownSettings
    #expect(
      experiment.refusal()
        == (accepts
          ? nil : "unknown setting no_such_setting for algorithm \(algorithm.algorithm)"))
    let plain = algorithm.experiment(ExampleSpaces.sixty, settings: algorithm.seed(1))
    guard !registered.passesUnknownSettingsOn else { return }
    #expect(try experiment.ask(3).suggestions == plain.ask(3).suggestions, "\(algorithm.algorithm)")
  }
}

extension Double {
  fileprivate var logarithm: Double { log(self) }
}

extension ConformanceCase {
  /// `random_state`.
  public func seed(_ seed: UInt64) -> [SettingText] { .of(["random_state": "\(seed)"]) }

  /// An ordinary history: most trials finished, some in every other condition.
  public func trials(
    _ count: Int, in experiment: Experiment, seed: UInt64
  ) throws -> [TrialFixture] {
    try points(count, in: experiment, seed: seed).enumerated().map { trial($0, $1, seed: seed) }
  }

  /// The same, no two trials at one point.
  func distinctTrials(
    _ count: Int, in experiment: Experiment, seed: UInt64
  ) throws -> [TrialFixture] {
    var known: Set<[String]> = []
    let distinct = try points(20 * count, in: experiment, seed: seed).filter {
      known.insert(point(Suggestion(assignments: $0))).inserted
    }
    return distinct.prefix(count).enumerated().map { trial($0, $1, seed: seed) }
  }

  private func trial(_ i: Int, _ point: [Assignment], seed: UInt64) -> TrialFixture {
    var random = RandomSource(seed: seed, purpose: "example objective", index: UInt64(i))
    let condition = i % 2 == 0 ? .succeeded : TrialCondition.allCases[i / 2 % 8]
    let isOver = condition == .succeeded || condition == .earlyStopped
    return TrialFixture(
      "conformance-\(i)", condition, point,
      objective: isOver ? NumberText.text(random.uniform() - 0.5) : nil, startTime: Int64(i / 3),
      completionTime: isOver && condition != .earlyStopped ? Int64(10 + i / 4) : nil)
  }
}
