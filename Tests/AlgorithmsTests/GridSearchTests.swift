// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct GridSearchTests {
  func experiment(
    _ specs: [ParameterSpec], settings: [SettingText] = [], maxTrialCount: Int = 0
  ) -> Experiment {
    Experiment(
      name: "grid", objective: Objective(metricName: "loss"), algorithmName: "grid",
      algorithmSettings: settings, parameterSpecs: specs, maxTrialCount: maxTrialCount)
  }

  func trials(_ suggestions: some Sequence<Suggestion>) -> [TrialFixture] {
    suggestions.map { TrialFixture($0.trialName, .running, $0.assignments) }
  }

  func points(_ suggestions: some Sequence<Suggestion>) -> [[String]] {
    suggestions.map { $0.assignments.map(\.value) }
  }

  // MARK: - Whole Experiments

  /// One by one, in batches and all at once: every point exactly once.
  @Test(arguments: [1, 7, 60]) func everyPointIsSuggestedOnce(batch: Int) throws {
    let experiment = experiment(ExampleSpaces.sixty)
    var issued: [Suggestion] = []
    while issued.count < 60 {
      let reply = try experiment.ask(min(batch, 60 - issued.count), after: trials(issued))
      #expect(reply.notices.isEmpty)
      issued += reply.suggestions
    }
    #expect(Set(points(issued)).count == 60)
  }

  /// The reply and its log line once everything has been tried: the first points again, in order.
  @Test func aUsedUpGridStartsOver() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    let all = try experiment.ask(60).suggestions
    let reply = try experiment.ask(5, after: trials(all.prefix(58)))
    #expect(points(reply.suggestions) == points(all[58...] + all[..<3]))
    #expect(
      reply.notices == [
        "all 60 combinations have been tried: grid starts over and suggests 3 of them again"
      ])
    // Third time round.
    let third = try experiment.ask(3, after: trials(all), position: 60 * 2 + 59)
    #expect(points(third.suggestions) == points(all[59...] + all[..<2]))
  }

  /// A person deleted trials; everything later was issued already.
  @Test func holesAreFilledOnceNothingFreshIsLeft() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    let all = try experiment.ask(60).suggestions
    let holes = [3, 17, 40]
    let visible = trials(all).enumerated().filter { !holes.contains($0.offset) }.map(\.element)
    let reply = try experiment.ask(3, after: visible, position: 60)
    #expect(points(reply.suggestions) == points(holes.map { all[$0] }))
    #expect(reply.notices.isEmpty)
    // Points not yet issued come first.
    let half = trials(all.prefix(30)).enumerated().filter { !holes.contains($0.offset) }
    let fresh = try experiment.ask(32, after: half.map(\.element), position: 30)
    #expect(points(fresh.suggestions) == points(all[30...] + [all[3], all[17]]))
  }

  /// Parallelism was lowered: the controller deleted trials 5, 8 and 9 of ten, forgot three
  /// assignments and asks for number 7 again, while 6 and 7 still stand there.
  @Test func whatStandsAboveThePositionIsPassedOver() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    let all = try experiment.ask(60).suggestions
    let left = [0, 1, 2, 3, 4, 6, 7].map { all[$0] }
    var issued = trials(left)
    for position in 7..<60 {
      let next = try experiment.ask(1, after: issued, position: position).suggestions
      #expect(!points(left).contains(points(next)[0]))
      issued.append(TrialFixture(next[0].trialName, .running, next[0].assignments))
    }
    #expect(Set(issued.map { $0.assignments.map(\.value) }).count == 60)
  }

  /// Parallelism was lowered: of ten trials the controller deleted 6 and 7. What follows ends without
  /// metrics and so never shows, or it shows: either way every point comes once, the holes at once.
  @Test(arguments: [true, false]) func holesBelowOtherTrialsAreFilledOnce(isHidden: Bool) throws {
    let experiment = experiment([.int("a", "1", "3"), .int("b", "1", "4")])
    let all = try experiment.ask(12).suggestions
    var visible = trials([0, 1, 2, 3, 4, 5, 8, 9].map { all[$0] })
    var issued: [Suggestion] = []
    for position in 8..<12 {
      let next = try experiment.ask(1, after: visible, position: position).suggestions
      issued += next
      if !isHidden {
        visible.append(TrialFixture(next[0].trialName, .running, next[0].assignments))
      }
    }
    #expect(points(issued) == points([6, 7, 10, 11].map { all[$0] }))
    // All at once it is the same.
    let left = trials([0, 1, 2, 3, 4, 5, 8, 9].map { all[$0] })
    #expect(points(try experiment.ask(4, after: left, position: 8).suggestions) == points(issued))
  }

  /// Another image's trials are off this grid; they were counted, but hide none of its points.
  @Test func trialsOffTheGridAreNoHiddenOnes() throws {
    let experiment = experiment([.double("x", "0", "1", step: "0.125"), .int("i", "1", "4")])
    let all = try experiment.ask(36).suggestions
    let foreign = (0..<10).map { i in
      TrialFixture(
        "f\(i)", .succeeded,
        [Assignment(name: "x", value: "0.3\(i)"), Assignment(name: "i", value: "2")])
    }
    let incomplete = TrialFixture("g", .succeeded, [Assignment(name: "i", value: "2")])
    let reply = try experiment.ask(3, after: foreign + [incomplete], position: 11)
    #expect(points(reply.suggestions) == points(all.prefix(3)))
    // Two of the grid's own are hidden behind them.
    let later = try experiment.ask(3, after: foreign + trials([reply.suggestions[1]]), position: 13)
    #expect(points(later.suggestions) == points([all[3], all[4], all[5]]))
  }

  /// Everything was issued, three points never show: they take turns.
  @Test func pointsThatNeverShowTakeTurns() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    let all = try experiment.ask(60).suggestions
    let holes = [3, 17, 40]
    let visible = trials(all).enumerated().filter { !holes.contains($0.offset) }.map(\.element)
    let next: [Suggestion] = try (60..<66).map { position in
      try experiment.ask(1, after: visible, position: position).suggestions[0]
    }
    #expect(points(next) == points((holes + holes).map { all[$0] }))
  }

  /// Trials without metrics are not shown. The position counts them, so nothing is issued twice.
  @Test func invisibleTrialsAreNotSuggestedAgain() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    var issued: [Suggestion] = []
    for _ in 0..<60 {
      let visible = trials(issued).enumerated().filter { $0.offset % 3 != 1 }.map(\.element)
      issued += try experiment.ask(1, after: visible, position: issued.count).suggestions
    }
    #expect(Set(points(issued)).count == 60)
  }

  /// The same with initial points, which the walk leaves out: also where none of them is visible.
  @Test func initialPointsAreNotSuggestedAgain() throws {
    let initial = #"[{"i": -2, "d": 0.1, "c": "x"}, {"i": 0, "d": 0.5, "c": "y"}, {"c": "z"}]"#
    let experiment = experiment(
      ExampleSpaces.sixty, settings: .of(["initial_points": initial]))
    for isVisible in [true, false] {
      var issued: [Suggestion] = []
      for position in 0..<60 {
        let visible = isVisible ? trials(issued) : []
        issued += try experiment.ask(1, after: visible, position: position).suggestions
      }
      #expect(points(issued).first == ["-2", "0.1", "x"])
      #expect(Set(points(issued)).count == 60)
      let again = try experiment.ask(4, after: trials(issued), position: 60)
      #expect(again.notices.count == 1)
    }
  }

  /// An Experiment of the same name in another namespace shows its trials here too, and its points are
  /// those of this grid. They once passed for tried, so that this Experiment never tried them and ended
  /// with others twice.
  @Test func strangersDoNotDisturb() throws {
    let experiment = experiment(ExampleSpaces.sixty)
    let all = try experiment.ask(60).suggestions
    let strangers = (all.suffix(20) + all[10..<15]).enumerated().map {
      TrialFixture("elsewhere-\($0)", .succeeded, $1.assignments, objective: "1")
    }
    var issued: [Suggestion] = []
    for position in 0..<60 {
      issued += try experiment.ask(
        1, after: strangers + trials(issued), position: position
      ).suggestions
    }
    #expect(Set(points(issued)).count == 60)
  }

  /// Another image of the same name wrote 0.30000000000000004 for 0.3.
  @Test func foreignSpellingsOfAGridValueAreRecognised() throws {
    let specs: [ParameterSpec] = [.double("d", "0.1", "0.5", step: "0.1")]
    let written = ["0.1", "0.2", "0.30000000000000004", "4e-1"].enumerated().map {
      TrialFixture("t\($0)", .succeeded, [Assignment(name: "d", value: $1)], objective: "1")
    }
    for seed in 0..<5 {
      let experiment = experiment(specs, settings: .of(["random_state": "\(seed)"]))
      let reply = try experiment.ask(1, after: written, position: 4)
      #expect(points(reply.suggestions) == [["0.5"]], "seed \(seed)")
    }
  }

  @Test func theSeedPicksTheOrder() throws {
    let plain = try experiment(ExampleSpaces.sixty).ask(60).suggestions
    let zero = try experiment(ExampleSpaces.sixty, settings: .of(["random_state": "0"])).ask(60)
    let one = try experiment(ExampleSpaces.sixty, settings: .of(["random_state": "1"])).ask(60)
    #expect(plain == zero.suggestions)
    #expect(plain != one.suggestions)
    #expect(Set(points(plain)) == Set(points(one.suggestions)))
  }

  // MARK: - Controllers

  /// What the controller does to an Experiment, at random: trials run side by side and end in any
  /// order, some without metrics, so that they are hidden; the parallelism changes, and when it
  /// falls, the newest trials are deleted in whatever condition, of one second in any order.
  private struct Controller {
    struct Trial {
      var point: [Assignment]
      var name: String
      var second: Int
      var isRunning = true
      var isHidden = false
    }

    var hiddenRate: Double
    var changesParallelism: Bool
    var trials: [Trial] = []
    /// Points issued although a trial that is kept has them, while others were left.
    var repeats = 0
    var issued = 0
    var deleted = 0

    mutating func run(_ experiment: Experiment, points: Int, seed: UInt64) throws {
      var random = RandomSource(seed: seed, purpose: "grid controller")
      var parallel = 1 + random.uniform(below: 6)
      var second = 0
      while trials.count < points {
        second += 1
        try fill(experiment, min(parallel, points), points, second, seed)
        for i in trials.indices where trials[i].isRunning && random.uniform() < 0.4 {
          trials[i].isRunning = false
          trials[i].isHidden = random.uniform() < hiddenRate
        }
        guard changesParallelism, random.uniform() < 0.15 else { continue }
        parallel = 1 + random.uniform(below: 6)
        let surplus = trials.count(where: { $0.isRunning }) - parallel
        guard surplus > 0 else { continue }
        trials.shuffle(using: &random)
        trials.sort { $0.second < $1.second }
        trials.removeLast(surplus)
        deleted += surplus
      }
    }

    private mutating func fill(
      _ experiment: Experiment, _ parallel: Int, _ points: Int, _ second: Int, _ seed: UInt64
    ) throws {
      let wanted = min(parallel - trials.count(where: \.isRunning), points - trials.count)
      guard wanted > 0 else { return }
      let visible = trials.filter { !$0.isHidden }.map {
        TrialFixture($0.name, $0.isRunning ? .running : .succeeded, $0.point, objective: "1")
      }
      let reply = try experiment.ask(wanted, after: visible, position: trials.count)
      let again = try experiment.ask(
        wanted, after: ExamplePoints.shuffled(visible, seed: seed), position: trials.count)
      #expect(reply.suggestions == again.suggestions && reply.suggestions.count == wanted)
      for suggestion in reply.suggestions {
        if trials.contains(where: { $0.point == suggestion.assignments }) { repeats += 1 }
        issued += 1
        trials.append(
          Trial(point: suggestion.assignments, name: "grid-\(issued)", second: second))
      }
    }
  }

  /// While points are left none is issued twice, unless trials are hidden *and* deleted: then what
  /// cannot be told apart is rarely mistaken, for one point in 500.
  @Test(arguments: [
    (0.0, false, 0), (0.0, true, 0), (0.1, false, 0), (0.3, false, 0), (0.1, true, 500),
  ])
  func nothingIsRepeatedWhilePointsAreLeft(
    hiddenRate: Double, changesParallelism: Bool, oneIn: Int
  ) throws {
    let spaces: [([ParameterSpec], Int)] = [
      ([.int("a", "1", "3"), .int("b", "1", "4")], 12),
      ([.int("a", "1", "6"), .categorical("b", ["x", "y", "z", "u", "v"])], 30),
      (ExampleSpaces.sixty, 60),
    ]
    var (repeats, issued, deleted) = (0, 0, 0)
    for seed: UInt64 in 0..<150 {
      let (specs, points) = spaces[Int(seed % 3)]
      var controller = Controller(hiddenRate: hiddenRate, changesParallelism: changesParallelism)
      try controller.run(experiment(specs), points: points, seed: seed)
      if oneIn == 0 { #expect(controller.repeats == 0, "seed \(seed)") }
      repeats += controller.repeats
      issued += controller.issued
      deleted += controller.deleted
    }
    #expect(changesParallelism == (deleted > 100))
    #expect(repeats * oneIn <= issued, "\(repeats) of \(issued)")
  }

  // MARK: - Validation

  @Test func everyDoubleNeedsAStep() {
    let experiment = experiment([.int("i", "1", "2"), .double("lr", "0", "1")])
    let message = "parameter \"lr\": step is missing, grid needs a step for every DOUBLE"
    #expect(experiment.refusal() == message)
    #expect(throws: InvalidExperiment(message)) { try experiment.ask(1) }
    // A single value needs none.
    #expect(self.experiment([.double("lr", "1", "1")]).refusal() == nil)
  }

  @Test func moreTrialsThanCombinationsAreRefused() throws {
    #expect(experiment(ExampleSpaces.sixty, maxTrialCount: 60).refusal() == nil)
    let tooMany = experiment(ExampleSpaces.sixty, maxTrialCount: 61)
    #expect(
      tooMany.refusal()
        == "max_trial_count is 61, but the parameters have only 60 combinations: for grid it must "
        + "be at most 60")
    // A running Experiment may be resumed with more: it repeats.
    #expect(try tooMany.ask(61).suggestions.count == 61)
    #expect(experiment([], maxTrialCount: 1).refusal() == nil)
    let wide = experiment(ExampleSpaces.wide(finite: true), maxTrialCount: .max)
    #expect(wide.refusal() == nil)
  }

  // MARK: - Work

  /// Bounded by what is seen and asked for, whatever the size of the space.
  @Test func theWalkLooksAtFewPoints() throws {
    for specs in [ExampleSpaces.four, ExampleSpaces.sixty, ExampleSpaces.wide(finite: true)] {
      let experiment = experiment(specs)
      let problem = try Problem(experiment, registry: .standard, strictness: .suggestion)
      let order = try #require(GridSearchOrder(problem.space, seed: 0))
      for (visible, position, count) in [(0, 0, 100), (100, 0, 50), (100, 100, 9), (50, 1000, 3)] {
        let all = try experiment.ask(visible).suggestions
        let request = SuggestionRequest(
          problem: problem, history: History.of(trials(all), space: problem.space), count: count,
          position: position, seed: 0, namespace: "", alreadyInReply: [], checkCancellation: {})
        let bound = 2 * (SeenPoints(request).count + count)
        var walk = GridSearchWalk(order, request, own: Array(all.indices))
        for _ in 0..<count { _ = walk.next() }
        #expect(walk.steps <= bound, "\(specs.count) parameters: \(walk.steps) > \(bound)")
      }
    }
  }

  /// 10^15 points and 10^60: neither is enumerated, and all points of a long prefix differ.
  @Test(arguments: [1, 4]) func hugeGridsAreWalkedAtOnce(copies: Int) throws {
    let specs = (0..<copies).flatMap { i -> [ParameterSpec] in
      (0..<3).map { .int("i\(i)_\($0)", "1", "100000") }
    }
    let experiment = experiment(specs, maxTrialCount: 1_000_000)
    #expect(experiment.refusal() == nil)
    let first = try experiment.ask(2_000).suggestions
    #expect(Set(points(first)).count == 2_000)
    let far = try experiment.ask(3, after: trials(first.prefix(50)), position: 1 << 31)
    #expect(far.suggestions.count == 3)
  }
}
