// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import ExperimentModel
import Numerics
import TestSupport
import Testing

/// Whole runs, as the controller drives them.
@Suite struct PopulationBasedTrainingTests {
  private typealias Issued = PopulationSimulation.Issue

  private func byGeneration(_ simulation: PopulationSimulation) -> [[PopulationSimulation.Issue]] {
    let last = simulation.issues.map(\.generation).max() ?? 0
    return (0...last).map { generation in
      simulation.issues.filter { $0.generation == generation }
    }
  }

  /// With whole generations at once this is the textbook: the worst have no child, the best have
  /// their own and those that replaced the worst, and everybody else has one.
  @Test(arguments: [(5, "0.2", 1), (10, "0.3", 3), (10, "0.25", 3), (7, "0", 0), (8, "0.5", 4)])
  func generationsFollowTheRule(size: Int, threshold: String, replaced: Int) throws {
    for seed: UInt64 in 0..<5 {
      var simulation = PopulationSimulation(
        population: size, threshold: threshold, parallel: size, seed: seed)
      simulation.inStep = true
      try simulation.run(6 * size)
      let generations = byGeneration(simulation)
      #expect(generations.map(\.count) == Array(repeating: size, count: 6), "seed \(seed)")
      #expect(generations[0].allSatisfy { $0.parent == nil })
      for (before, after) in zip(generations, generations.dropFirst()) {
        let ranked = before.map(\.name).sorted {
          simulation.objectives[$0] ?? 0 > simulation.objectives[$1] ?? 0
        }
        let children = Dictionary(grouping: after, by: { $0.parent ?? "" }).mapValues(\.count)
        #expect(ranked.suffix(replaced).allSatisfy { children[$0] == nil }, "seed \(seed)")
        let kept = ranked.dropLast(replaced)
        #expect(kept.allSatisfy { children[$0] ?? 0 >= 1 }, "seed \(seed)")
        #expect(kept.dropFirst(replaced).allSatisfy { children[$0] == 1 }, "seed \(seed)")
      }
    }
  }

  /// Children have their parent's hyperparameters, changed: a rate by 0.8 or 1.2, also where they
  /// replace a loser.
  @Test func childrenAreExploredCopies() throws {
    var simulation = PopulationSimulation(population: 10, parallel: 4, seed: 3)
    try simulation.run(80)
    let assignments = Dictionary(
      simulation.issues.map { ($0.name, $0.assignments) }, uniquingKeysWith: { first, _ in first })
    var factors: Set<Double> = []
    for issue in simulation.issues {
      guard let parent = issue.parent, let before = assignments[parent] else { continue }
      let (rate, old) = (Double(issue.assignments[0].value) ?? 0, Double(before[0].value) ?? 0)
      factors.insert(rate == 1 || rate == 0.0001 ? 0 : (rate / old * 1000).rounded() / 1000)
      let layers = Int(issue.assignments[1].value)
      #expect(layers != nil, "\(issue.assignments[1].value)")
      #expect(
        issue.assignments[1].value != before[1].value || ["1", "64"].contains(before[1].value))
    }
    #expect(factors.subtracting([0]) == [0.8, 1.2])
  }

  /// However many run at once, and whatever fails: each generation gets its members and no more,
  /// parents are finished members of the generation before, and the same request gets the same
  /// reply.
  @Test(arguments: [1, 3, 9, 10])
  func generationsAreFilledAtAnyParallelism(parallel: Int) throws {
    for seed: UInt64 in 0..<4 {
      var simulation = PopulationSimulation(population: 10, parallel: parallel, seed: seed)
      simulation.failureRate = 0.1
      simulation.killRate = 0.1
      let experiment = simulation.experiment
      try simulation.run(150) { trials, reply in
        let finished = Set(trials.filter { $0.conditionNumber == 2 }.map(\.name))
        let names = reply.suggestions.map(\.trialName)
        #expect(Set(names).count == names.count && Set(trials.map(\.name)).isDisjoint(with: names))
        #expect(reply.checkpoints.map(\.trialName) == names)
        #expect(reply.checkpoints.allSatisfy { $0.parentName.map(finished.contains) ?? true })
        let again = try experiment.ask(
          names.count, after: ExamplePoints.shuffled(trials, seed: seed))
        #expect(again.suggestions == reply.suggestions && again.checkpoints == reply.checkpoints)
      }
      let generation = Dictionary(
        uniqueKeysWithValues: simulation.issues.map { ($0.name, $0.generation) })
      for issue in simulation.issues {
        let before = issue.parent.flatMap { generation[$0] } ?? -1
        #expect(issue.generation == before + 1, "parallel \(parallel), seed \(seed)")
      }
      let conditions = Dictionary(
        uniqueKeysWithValues: simulation.trials.map { ($0.name, $0.conditionNumber) })
      let finished = byGeneration(simulation).map { issues in
        issues.count(where: { conditions[$0.name] == TrialCondition.succeeded.rawValue })
      }
      #expect(finished.allSatisfy { $0 <= 10 }, "parallel \(parallel), seed \(seed): \(finished)")
      // Stragglers keep a few generations open, never many.
      #expect(finished.prefix(6).reduce(0, +) >= 54, "parallel \(parallel): \(finished)")
    }
  }

  /// Failed and killed members are issued again with the same hyperparameters and parent, until the
  /// third failure; killed ones always.
  @Test(
    arguments: [("penalize", 0.5, 0.0), ("penalize", 0.0, 0.5), ("ignore", 0.5, 0.0)], [3, 6, 15])
  func lostMembersAreIssuedAgain(
    _ losses: (rule: String, failures: Double, kills: Double), parallel: Int
  ) throws {
    let (rule, failures, kills) = losses
    struct Line: Hashable {
      var parent: String?
      var values: [String]
    }
    for seed: UInt64 in 0..<4 {
      var simulation = PopulationSimulation(
        population: 6, parallel: parallel, seed: seed, settings: .of(["failed_trials": rule]))
      simulation.failureRate = failures
      simulation.killRate = kills
      try simulation.run(150)
      let conditions = Dictionary(
        uniqueKeysWithValues: simulation.trials.map { ($0.name, $0.conditionNumber) })
      let lines = Dictionary(
        grouping: simulation.issues,
        by: { Line(parent: $0.parent, values: $0.assignments.map(\.value)) })
      let lengths = lines.values.map(\.count)
      let attempts = rule == "penalize" && failures > 0 ? 3 : Int.max
      let open = lines.values.count { issues in
        issues.count < attempts
          && issues.allSatisfy { conditions[$0.name] != TrialCondition.succeeded.rawValue }
      }
      let place = "\(rule), \(parallel) at once, seed \(seed): \(lengths)"
      // Only what was running or lost at the end may still have to come again.
      #expect(open <= parallel, "\(place)")
      if attempts == 3 {
        #expect(lengths.max() ?? 0 <= 3, "\(place)")
        #expect(lengths.contains(3), "\(place)")
      } else {
        #expect(lengths.max() ?? 0 > 3, "\(place)")
      }
    }
  }

  private func running(_ reply: SuggestionReply, at second: Int64) -> [TrialFixture] {
    reply.suggestions.map {
      TrialFixture($0.trialName, .running, $0.assignments, startTime: second)
    }
  }

  /// A lost founder comes again before anything new, and once, however many others are alive.
  @Test(arguments: [5, 6, 12], [TrialCondition.failed, .killed])
  func aLostFounderComesAgain(issued: Int, condition: TrialCondition) throws {
    let experiment = PopulationSimulation(population: 5, parallel: issued, seed: 1).experiment
    for lost in [0, issued - 1] {
      var trials = running(try experiment.ask(issued), at: 1)
      trials[lost].conditionNumber = condition.rawValue
      trials[lost].completionTime = 2
      let reply = try experiment.ask(2, after: trials)
      #expect(reply.suggestions[0].assignments == trials[lost].assignments, "trial \(lost)")
      #expect(reply.checkpoints[0].parentName == nil)
      #expect(reply.suggestions[1].assignments != trials[lost].assignments)
      let next = try experiment.ask(1, after: trials + running(reply, at: 3).prefix(1))
      #expect(next.suggestions[0].assignments != trials[lost].assignments, "trial \(lost)")
    }
  }

  /// The same in a generation that has grown by further children of the best: of a member's own
  /// successor and of one of those.
  @Test(arguments: [TrialCondition.failed, .killed])
  func aLostChildComesAgain(condition: TrialCondition) throws {
    let experiment = PopulationSimulation(population: 5, parallel: 15, seed: 1).experiment
    var founders = running(try experiment.ask(5), at: 1)
    for i in founders.indices {
      founders[i].conditionNumber = TrialCondition.succeeded.rawValue
      founders[i].completionTime = 2
      founders[i].metrics = [Assignment(name: "loss", value: "\(i)")]
    }
    let children = try experiment.ask(15, after: founders)
    for lost in [0, 4, 5, 14] {
      var trials = running(children, at: 3)
      trials[lost].conditionNumber = condition.rawValue
      trials[lost].completionTime = 4
      let reply = try experiment.ask(2, after: founders + trials)
      #expect(reply.suggestions[0].assignments == trials[lost].assignments, "child \(lost)")
      #expect(reply.checkpoints[0].parentName == children.checkpoints[lost].parentName)
      #expect(reply.suggestions[0].labels == children.suggestions[lost].labels)
      #expect(reply.suggestions[1].assignments != trials[lost].assignments, "child \(lost)")
    }
  }

  /// The parallelism fell and the position with it, so what takes a lost trial's place has a smaller
  /// index. It takes it all the same.
  @Test func aLostTrialComesAgainOnceWhenThePositionFell() throws {
    let experiment = PopulationSimulation(population: 5, parallel: 12, seed: 1).experiment
    let all = running(try experiment.ask(12), at: 1)
    var trials = Array(all.prefix(4)) + [all[11]]
    trials[4].conditionNumber = TrialCondition.failed.rawValue
    trials[4].completionTime = 2
    let again = try experiment.ask(1, after: trials)
    #expect(again.suggestions[0].assignments == all[11].assignments)
    trials += running(again, at: 3)
    let next = try experiment.ask(8, after: trials)
    #expect(next.suggestions.allSatisfy { $0.assignments != all[11].assignments })
  }

  /// More running trials than members: the population grows, and nothing waits.
  @Test func thePopulationGrowsWithTheParallelism() throws {
    var simulation = PopulationSimulation(population: 5, parallel: 12, seed: 2)
    try simulation.run(120)
    #expect(simulation.issues.count == 120)
    // New members come before anything has finished, not from scratch later on.
    #expect(byGeneration(simulation)[0].count == 12)
    #expect(byGeneration(simulation).count >= 8)
  }

  /// Somebody raises the parallelism in the middle: the best get further children.
  @Test func moreSlotsInTheMiddleGoToChildrenOfTheBest() throws {
    var simulation = PopulationSimulation(population: 5, parallel: 5, seed: 4)
    try simulation.run(30)
    simulation.parallel = 15
    try simulation.run(31 + 15)
    let late = simulation.issues.suffix(16)
    #expect(late.allSatisfy { $0.parent != nil })
  }

  @Test func manyMembersAtOnce() throws {
    var simulation = PopulationSimulation(population: 1_000, parallel: 1_000, seed: 5)
    simulation.inStep = true
    try simulation.run(3_000)
    #expect(byGeneration(simulation).map(\.count) == [1_000, 1_000, 1_000])
  }

  /// What training in generations is for: by the end it beats what the best fixed rate could reach
  /// when it is the better part of a schedule.
  @Test func theBestMemberKeepsUpWithTheSchedule() throws {
    var wins = 0
    for seed: UInt64 in 0..<10 {
      var simulation = PopulationSimulation(population: 10, parallel: 4, seed: seed)
      try simulation.run(150)
      let best = simulation.objectives.values.max() ?? 0
      // Fifteen intervals at the best fixed rate, which the simulation's own rule gives.
      let fixed =
        stride(from: -4.0, through: 0, by: 0.02).map { exponent in
          (0..<15).reduce(0.0) { sum, generation in
            let miss = exponent - (-0.30103 - 0.2 * Double(generation))
            return sum + 1 / (1 + miss * miss)
          }
        }.max() ?? 0
      if best > fixed { wins += 1 }
    }
    #expect(wins >= 8, "\(wins) of 10")
  }

  // MARK: - Settings

  private func refusal(_ changes: [String: String?]) -> String? {
    var settings: [String: String?] = [
      "suggestion_trial_dir": "/checkpoint", "n_population": "10", "truncation_threshold": "0.2",
    ]
    settings.merge(changes) { $1 }
    return Experiment(
      name: "settings", objective: Objective(metricName: "loss"), algorithmName: "pbt",
      algorithmSettings: settings.compactMap { name, value in
        value.map { SettingText(name: name, value: $0) }
      }, parameterSpecs: PopulationSimulation.parameters
    ).refusal()
  }

  @Test func settings() {
    for changes: [String: String?] in [
      [:], ["n_population": "5"], ["truncation_threshold": "0"], ["truncation_threshold": "1"],
      ["resample_probability": "0"], ["resample_probability": "0.25"],
      ["resample_probability": "1"], ["suggestion_trial_dir": "relative"],
    ] {
      #expect(refusal(changes) == nil, "\(changes)")
    }
    for (changes, name): ([String: String?], String) in [
      (["suggestion_trial_dir": nil], "suggestion_trial_dir is missing"),
      (["suggestion_trial_dir": ""], "suggestion_trial_dir is \"\""),
      (["n_population": nil], "n_population is missing"),
      (["n_population": "4"], "n_population is \"4\""),
      (["n_population": "5.5"], "failed to validate n_population(5.5)"),
      (["truncation_threshold": nil], "truncation_threshold is missing"),
      (["truncation_threshold": "1.1"], "truncation_threshold is \"1.1\""),
      (["truncation_threshold": "-0.1"], "truncation_threshold is \"-0.1\""),
      (["truncation_threshold": "nan"], "failed to validate truncation_threshold(nan)"),
      (["resample_probability": "2"], "resample_probability is \"2\""),
      (["resample_probability": "x"], "failed to validate resample_probability(x)"),
      (["population": "10"], "unknown setting population for algorithm pbt"),
    ] {
      #expect(refusal(changes)?.hasPrefix(name) == true, "\(refusal(changes) ?? "accepted")")
    }
  }

  /// Labels are for people: Katib keeps them with the trial and never sends them back.
  @Test func labelsTellGenerationAndParent() throws {
    var simulation = PopulationSimulation(population: 5, parallel: 5, seed: 6)
    simulation.inStep = true
    try simulation.run(15) { trials, reply in
      for (suggestion, folder) in zip(reply.suggestions, reply.checkpoints) {
        let labels = Dictionary(
          uniqueKeysWithValues: suggestion.labels.map { ($0.name, $0.value) })
        let prefix = "pbt.suggestion.katib.kubeflow.org/"
        #expect(labels[prefix + "generation"] == "\(trials.count / 5)")
        #expect(labels[prefix + "parent"] == folder.parentName)
      }
    }
  }

  /// An initial point that comes when the population is on its way is a member of its own, and one
  /// that is lost comes again.
  @Test func initialPointsAreNewMembers() throws {
    var simulation = PopulationSimulation(
      population: 5, parallel: 2, seed: 7,
      settings: .of(["initial_points": #"[{"rate": 0.5}, {"rate": 0.25, "optimizer": "adam"}]"#]))
    simulation.failureRate = 0.3
    try simulation.run(60)
    let issues = simulation.issues
    #expect(issues[0].assignments[0].value == "0.5" && issues[1].assignments[2].value == "adam")
    #expect(issues.prefix(2).allSatisfy { $0.generation == 0 && $0.parent == nil })
    let failed = simulation.trials.prefix(2).filter { $0.conditionNumber == 4 }
    for trial in failed {
      #expect(issues.count { $0.assignments == trial.assignments } > 1, "\(trial.name)")
    }
  }
}
