// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport

@testable import Algorithms

/// Katib's controller in simulated time, as far as rungs are concerned: trials that end in any
/// order and any way, shuffled and incomplete histories, settings that come back, replies that get
/// lost, trials that are deleted because the parallelism was lowered.
struct SimulatedController {
  struct Trial {
    var name: String
    var assignments: [Assignment]
    var created: Int
    var due: Int
    var condition = TrialCondition.created
    var completed: Int?
    var objective: String?

    var isActive: Bool { condition == .created || condition == .running }
    var isVisible: Bool {
      condition != .metricsUnavailable && !(condition == .earlyStopped && objective == nil)
    }

    subscript(_ parameter: String) -> String {
      assignments.first { $0.name == parameter }?.value ?? ""
    }

    /// The values of everything but the resource.
    func configuration(without resource: String) -> [String] {
      assignments.filter { $0.name != resource }.map(\.value)
    }
  }

  /// How often trials end otherwise than with an objective.
  struct Rates {
    var failed = 0.0
    var killed = 0.0
    var hidden = 0.0
    /// Stopped early, half of them without an observation.
    var early = 0.0
    var lostReplies = 0.0
  }

  var experiment: Experiment
  var parallel: Int
  let seed: UInt64
  var rates = Rates()
  /// New parallelism by the number of completed trials.
  var changes: [Int: Int] = [:]
  /// Seconds that a trial takes; nil for a few that do not depend on it.
  var duration: (@Sendable (Trial) -> Int)?
  /// Whether settings that a reply returns come back.
  var keepsSettings = true
  var random: RandomSource
  var now = 0
  var calls = 0
  /// In the order of the Suggestion's status.
  var trials: [Trial] = []
  /// What broke the contract.
  var violations: [String] = []
  private let objective: @Sendable (Trial) -> Double

  init(
    _ experiment: Experiment, parallel: Int, seed: UInt64,
    objective: @escaping @Sendable (Trial) -> Double
  ) {
    self.experiment = experiment
    self.parallel = parallel
    self.seed = seed
    self.objective = objective
    random = RandomSource(seed: seed, purpose: "simulated controller")
  }

  var completed: Int { trials.reduce(0) { $0 + ($1.isActive ? 0 : 1) } }

  /// Runs until `maximum` trials are completed or `isDone` says so.
  mutating func run(
    maximum: Int, until isDone: (SimulatedController) -> Bool = { _ in false }
  ) throws {
    while completed < maximum, !isDone(self) {
      try reconcile(maximum: maximum)
      advance()
      for count in changes.keys.sorted() where count <= completed {
        parallel = changes.removeValue(forKey: count) ?? parallel
      }
    }
  }

  private mutating func reconcile(maximum: Int) throws {
    let active = trials.count - completed
    if active > parallel {
      deleteNewest(active - parallel)
      return
    }
    let wanted = min(parallel, maximum - completed) - active
    if wanted > 0 { try ask(wanted) }
  }

  mutating func ask(_ count: Int) throws {
    var reply: SuggestionReply
    repeat {
      calls += 1
      var visible = trials.filter(\.isVisible).map(fixture)
      visible.shuffle(using: &random)
      reply = try experiment.ask(
        count, after: visible, position: trials.count, drawnSeed: seed)
    } while random.uniform() < rates.lostReplies
    if keepsSettings {
      for setting in reply.settings {
        experiment.algorithmSettings.removeAll { $0.name == setting.name }
        experiment.algorithmSettings.append(setting)
      }
    }
    if reply.suggestions.count != count { violations.append("\(reply.suggestions.count)/\(count)") }
    for suggestion in reply.suggestions {
      if trials.contains(where: { $0.name == suggestion.trialName }) {
        violations.append("call \(calls): \(suggestion.trialName) is taken")
      }
      var trial = Trial(
        name: suggestion.trialName, assignments: suggestion.assignments, created: now,
        due: now + [1, 1, 2, 3, 8][random.uniform(below: 5)])
      if let duration { trial.due = now + duration(trial) }
      trials.append(trial)
    }
  }

  private func fixture(_ trial: Trial) -> TrialFixture {
    TrialFixture(
      trial.name, trial.condition, trial.assignments, objective: trial.objective,
      startTime: trial.condition == .created ? nil : Int64(trial.created),
      completionTime: trial.condition == .earlyStopped ? nil : trial.completed.map(Int64.init))
  }

  private mutating func advance() {
    for i in trials.indices where trials[i].condition == .created && random.uniform() < 0.8 {
      trials[i].condition = .running
    }
    now = max(now, trials.filter(\.isActive).map(\.due).min() ?? now)
    for i in trials.indices where trials[i].isActive && trials[i].due <= now { end(i) }
  }

  private mutating func end(_ i: Int) {
    trials[i].completed = now
    var draw = random.uniform()
    for (condition, rate) in [
      (TrialCondition.failed, rates.failed), (.killed, rates.killed),
      (.metricsUnavailable, rates.hidden), (.earlyStopped, rates.early),
    ] {
      if draw < rate {
        trials[i].condition = condition
        if condition == .earlyStopped, draw < rate / 2 { observe(i) }
        return
      }
      draw -= rate
    }
    trials[i].condition = .succeeded
    observe(i)
  }

  private mutating func observe(_ i: Int) {
    trials[i].objective = NumberText.text(objective(trials[i]))
  }

  /// The newest go, finished or not; within a second the cluster's order is arbitrary.
  private mutating func deleteNewest(_ count: Int) {
    let places = trials.map { _ in random.uniform() }
    let newest = trials.indices.sorted {
      (-trials[$0].created, places[$0]) < (-trials[$1].created, places[$1])
    }
    let gone = Set(newest.prefix(count))
    trials = trials.indices.filter { !gone.contains($0) }.map { trials[$0] }
  }
}
