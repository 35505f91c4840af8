// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import ExperimentModel
import Glibc
import Numerics
import TestSupport

/// A cluster that trains a population: trials run side by side, end in some order, fail at times,
/// and hand on what they have learned by the folders that the reply tells.
///
/// What a model has learned is one number. An interval adds the more to it the nearer the trial's
/// `rate` is to the best one of its generation, which falls as training goes on.
struct PopulationSimulation {
  struct Issue {
    var name: String
    var parent: String?
    var generation: Int
    var assignments: [Assignment]
  }

  var experiment: Experiment
  var parallel: Int
  var failureRate = 0.0
  var killRate = 0.0
  /// Trials of one request end in one second, before the next request.
  var inStep = false

  private(set) var trials: [TrialFixture] = []
  private(set) var issues: [Issue] = []
  private(set) var learned: [String: Double] = [:]
  private(set) var objectives: [String: Double] = [:]
  private var random: RandomSource
  private var now: Int64 = 0

  init(
    population: Int, threshold: String = "0.3", parallel: Int, seed: UInt64,
    settings: [SettingText] = [], parameters: [ParameterSpec] = PopulationSimulation.parameters
  ) {
    experiment = Experiment(
      name: "population", objective: Objective(direction: .maximize, metricName: "loss"),
      algorithmName: "pbt",
      algorithmSettings: .of([
        "suggestion_trial_dir": "/checkpoint", "n_population": "\(population)",
        "truncation_threshold": threshold, "random_state": "\(seed)",
      ]) + settings,
      parameterSpecs: parameters, parallelTrialCount: parallel)
    self.parallel = parallel
    random = RandomSource(seed: seed, purpose: "population simulation")
  }

  static let parameters: [ParameterSpec] = [
    .double("rate", "0.0001", "1", .logUniform), .int("layers", "1", "64"),
    .categorical("optimizer", ["sgd", "adam", "ftrl"]),
  ]

  var pending: Int {
    trials.count(where: { $0.conditionNumber == TrialCondition.running.rawValue })
  }

  /// Asks until so many trials have been issued, and lets the last ones end.
  /// - Parameter check: called with each request's history and its reply.
  mutating func run(
    _ count: Int, check: ([TrialFixture], SuggestionReply) throws -> Void = { _, _ in }
  ) throws {
    while issues.count < count {
      let wanted = min(parallel - pending, count - issues.count)
      if wanted > 0 {
        let reply = try experiment.ask(wanted, after: trials)
        try check(trials, reply)
        take(reply)
      }
      if inStep { while pending > 0 { end() } } else { end() }
    }
    while pending > 0 { end() }
  }

  private mutating func take(_ reply: SuggestionReply) {
    for (suggestion, folder) in zip(reply.suggestions, reply.checkpoints) {
      let generation = suggestion.labels.first { $0.name.hasSuffix("generation") }?.value ?? ""
      issues.append(
        Issue(
          name: suggestion.trialName, parent: folder.parentName, generation: Int(generation) ?? -1,
          assignments: suggestion.assignments))
      learned[folder.trialName] = folder.parentName.flatMap { learned[$0] } ?? 0
      trials.append(
        TrialFixture(
          suggestion.trialName, .running, suggestion.assignments, startTime: now))
    }
  }

  /// Ends a running trial, mostly one of the oldest.
  private mutating func end() {
    let running = trials.indices.filter {
      trials[$0].conditionNumber == TrialCondition.running.rawValue
    }
    guard !running.isEmpty else { return }
    let choice = min(random.uniform(below: running.count), random.uniform(below: running.count))
    let i = running[choice]
    if random.uniform() < 0.7 { now += 1 }
    trials[i].completionTime = now
    let draw = random.uniform()
    if draw < failureRate + killRate {
      let condition = draw < failureRate ? TrialCondition.failed : .killed
      trials[i].conditionNumber = condition.rawValue
      return
    }
    let name = trials[i].name
    let issue = issues.first { $0.name == name }
    let rate = issue.flatMap { Double($0.assignments[0].value) } ?? 1
    let best = 0.5 * pow(10, -0.2 * Double(issue?.generation ?? 0))
    let miss = log10(rate / best)
    // A little noise, so that no two are equal.
    let value = (learned[name] ?? 0) + 1 / (1 + miss * miss) + 1e-6 * random.uniform()
    learned[name] = value
    objectives[name] = value
    trials[i].conditionNumber = TrialCondition.succeeded.rawValue
    trials[i].metrics = [Assignment(name: "loss", value: NumberText.text(value))]
  }
}
