// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

@testable import Algorithms

/// The parts of the engine, and what they promise together.
@Suite struct ENASEngineTests {
  static func training(hidden: Int = 8, steps: Int = 200) -> ControllerTraining {
    var training = ControllerTraining()
    training.hidden = hidden
    training.mostSteps = steps
    return training
  }

  static func history(
    _ space: ArchitectureSpace, _ count: Int, seed: UInt64,
    reward: (Architecture) -> Double?
  ) -> ArchitectureHistory {
    var random = RandomSource(seed: seed, purpose: "enas history")
    var history = ArchitectureHistory()
    for _ in 0..<count {
      let architecture = space.random(skipRate: 0.5, using: &random)
      history.evaluated.append((architecture, reward(architecture)))
      history.seen.insert(architecture)
    }
    return history
  }

  // MARK: - Evolution

  /// The parent is one of the last so many, however good the dead were; of those a good one.
  @Test func parentsAreRecentAndGood() {
    let space = ArchitectureSpace(layers: 12, operations: 6)
    let evolution = RegularizedEvolution(population: 20, sample: 10)
    for seed: UInt64 in 0..<5 {
      var random = RandomSource(seed: seed, purpose: "evolution")
      let finished = (0..<60).map { i in
        // The first forty are better than all that follow.
        (
          architecture: space.random(skipRate: 0.5, using: &random),
          reward: Double(i < 40 ? 100 + i : i % 20)
        )
      }
      var ranks: [Int] = []
      for _ in 0..<200 {
        let child = evolution.child(space, finished, using: &random)
        let parents = finished.indices.filter {
          distance(finished[$0].architecture, child) == 1
        }
        #expect(parents.count == 1, "seed \(seed)")
        guard let parent = parents.first else { continue }
        #expect(parent >= 40, "seed \(seed)")
        ranks.append(Int(finished[parent].reward))
      }
      // The best of ten draws from twenty is the best member in two of five cases.
      let best = ranks.filter { $0 == 19 }.count
      #expect((50...110).contains(best), "seed \(seed): \(best) of 200")
      #expect(ranks.allSatisfy { $0 >= 5 }, "seed \(seed)")
    }
  }

  private func distance(_ a: Architecture, _ b: Architecture) -> Int {
    zip(a.operations, b.operations).filter { $0 != $1 }.count
      + zip(a.skips, b.skips).filter { $0 != $1 }.count
  }

  // MARK: - Rewards

  @Test func rewardsAreNormalScores() throws {
    let scaled = try #require(RewardScale.scaled([3, nil, -1e300, 7, 1e300]))
    // Ranks 2, 1, 3, 4 of four.
    let expected = [0.375, 0.125, 0.625, 0.875].map { Float(Normal.quantile($0)) }
    #expect(scaled[0] == expected[0] && scaled[2] == expected[1])
    #expect(scaled[3] == expected[2] && scaled[4] == expected[3])
    #expect(scaled[1] == expected[1] - 0.5)
    #expect(RewardScale.scaled([]) == nil)
    #expect(RewardScale.scaled([nil, nil]) == nil)
    #expect(RewardScale.scaled([2, 2, 2]) == [0, 0, 0])
    #expect(RewardScale.scaled([2, nil]) == [0, -0.5])
  }

  // MARK: - The controller learns

  /// The mean of something over draws from a trained controller.
  private func mean(
    _ space: ArchitectureSpace, _ training: ControllerTraining, _ history: ArchitectureHistory,
    seed: UInt64, _ quantity: (Architecture) -> Double
  ) -> Double {
    let controller = training.trained(
      space, history.evaluated, seed: seed, checkCancellation: {})
    var random = RandomSource(seed: seed, purpose: "learning test")
    return (0..<300).reduce(0) { sum, _ in sum + quantity(controller.draw(using: &random)) / 300 }
  }

  /// What the trials were rewarded for becomes frequent, what they were punished for rare.
  @Test func controllerLearnsOperations() {
    let space = ArchitectureSpace(layers: 5, operations: 4)
    func quality(_ architecture: Architecture) -> Double {
      Double(architecture.operations.filter { $0 == 2 }.count)
    }
    let training = ENASEngineTests.training(hidden: 32, steps: 300)
    for seed: UInt64 in 0..<4 {
      let history = ENASEngineTests.history(space, 60, seed: seed, reward: quality)
      let reached = mean(space, training, history, seed: seed, quality)
      #expect(reached > 2, "seed \(seed): \(reached) of 5, by chance 1.25")
      let mirrored = ENASEngineTests.history(space, 60, seed: seed) { -quality($0) }
      let avoided = mean(space, training, mirrored, seed: seed, quality)
      #expect(avoided < 0.6, "seed \(seed): \(avoided) of 5, by chance 1.25")
    }
  }

  @Test func controllerLearnsSkips() {
    let space = ArchitectureSpace(layers: 5, operations: 4)
    // Skips into the last layer are good, those into the others bad.
    func quality(_ architecture: Architecture) -> Double {
      Double(architecture.skips.suffix(4).filter { $0 }.count)
        - Double(architecture.skips.prefix(6).filter { $0 }.count)
    }
    let training = ENASEngineTests.training(hidden: 32, steps: 300)
    for seed: UInt64 in 0..<4 {
      let history = ENASEngineTests.history(space, 60, seed: seed, reward: quality)
      let reached = mean(space, training, history, seed: seed, quality)
      #expect(reached > -0.5, "seed \(seed): \(reached), by chance -1")
    }
  }

  /// Failures teach what to avoid.
  @Test func controllerLearnsFromFailures() {
    let space = ArchitectureSpace(layers: 5, operations: 4)
    let history = ENASEngineTests.history(space, 60, seed: 7) {
      $0.operations[1] == 0 ? nil : Double($0.operations[0] == 9 ? 1 : 0)
    }
    let rate = mean(space, ENASEngineTests.training(hidden: 32, steps: 600), history, seed: 1) {
      $0.operations[1] == 0 ? 1 : 0
    }
    #expect(rate < 0.1, "\(rate), by chance 0.25")
  }

  /// With nothing to tell trials apart, the skip penalty alone pulls: to its target.
  @Test(arguments: [0.1, 0.4, 0.8]) func skipTargetIsReached(_ target: Double) {
    let space = ArchitectureSpace(layers: 6, operations: 3)
    let history = ENASEngineTests.history(space, 20, seed: 2) { _ in 1 }
    var training = ENASEngineTests.training(hidden: 16, steps: 600)
    training.skipTarget = target
    training.entropyWeight = 0
    func rate() -> Double {
      mean(space, training, history, seed: 3) {
        Double($0.skips.filter { $0 }.count) / Double(space.skips)
      }
    }
    #expect(abs(rate() - target) < 0.05, "\(rate())")
    training.skipWeight = 0
    #expect(abs(rate() - 0.5) < 0.05, "\(rate())")
  }

  /// Fewer steps for a larger network, one at least, and never more than asked for.
  @Test func stepsKeepWithinTheBudget() {
    let training = ControllerTraining()
    var before = Int.max
    for layers in [1, 4, 12, 40, 256] {
      let space = ArchitectureSpace(layers: layers, operations: 12)
      let steps = training.steps(space)
      #expect((1...training.mostSteps).contains(steps), "\(layers) layers")
      #expect(steps <= before)
      #expect(
        steps == 1
          || steps * 3 * training.shape(space).operationsPerRun <= training.budget)
      before = steps
    }
    var huge = ControllerTraining()
    huge.hidden = 128
    #expect(huge.steps(ArchitectureSpace(layers: 256, operations: 2048)) <= 10)
  }

  /// No setting in range makes numbers that are none.
  @Test func extremesStayFinite() {
    let space = ArchitectureSpace(layers: 4, operations: 3)
    let history = ENASEngineTests.history(space, 30, seed: 5) {
      $0.skips[0] ? 1e300 : -1e300
    }
    for (temperature, constant) in [(nil, nil), (1e-30, 1e30), (1e30, 1e-30), (5, 2.25)]
      as [(Double?, Double?)]
    {
      var training = ENASEngineTests.training(steps: 60)
      training.temperature = temperature
      training.tanhConstant = constant
      training.learningRate = 1
      training.trainSteps = 1_000_000
      training.skipTarget = 1
      training.skipWeight = 1e30
      training.entropyWeight = 1e30
      training.baselineDecay = 1e-300
      let controller = training.trained(
        space, history.evaluated, seed: 1, checkCancellation: {})
      #expect(VectorKernels.isFinite(controller.weights, controller.shape.weightCount))
      var random = RandomSource(seed: 1, purpose: "extremes")
      for _ in 0..<20 {
        let architecture = controller.draw(using: &random)
        #expect(architecture.operations.allSatisfy { $0 >= 0 && $0 < 3 })
      }
    }
  }

  /// An entry that is no number is found wherever it stands.
  @Test func finitenessIsSeen() {
    for count in [1, 7, 8, 9, 31] {
      var values = [Float](repeating: -3e38, count: count)
      #expect(VectorKernels.isFinite(values, count))
      for place in 0..<count {
        for value in [Float.infinity, -.infinity, .nan] {
          values[place] = value
          #expect(!VectorKernels.isFinite(values, count), "\(value) at \(place) of \(count)")
          values[place] = -3e38
        }
      }
    }
  }

  /// A controller that has learned to draw one network only: with logits without a bound and steps
  /// far too large that is what happens. Half of all suggestions are its, and it has nothing new to
  /// say; they are not random changes to that network, but children of good ones.
  @Test func aCollapsedControllerLeavesItToEvolution() throws {
    let space = ArchitectureSpace(layers: 8, operations: 6)
    var training = ENASEngineTests.training(hidden: 64, steps: 300)
    training.temperature = nil
    training.tanhConstant = nil
    training.learningRate = 1
    var history = ENASEngineTests.history(space, 40, seed: 3) {
      Double($0.operations.filter { $0 == 2 }.count)
    }
    let controller = training.trained(space, history.evaluated, seed: 1, checkCancellation: {})
    var random = RandomSource(seed: 1, purpose: "collapse")
    let only = controller.draw(using: &random)
    for _ in 0..<20 {
      let drawn = controller.draw(using: &random)
      history.seen.insert(drawn)
      #expect(distance(drawn, only) <= 2)
    }
    history.seen.insert(only)
    let reply = try ENASEngine(space: space, training: training, seed: 1).suggest(
      count: 60, position: 40, history: history, checkCancellation: {})
    #expect(Set(reply).count == 60)
    let near = reply.count(where: { distance($0, only) <= 4 })
    #expect(near <= 6, "\(near) of 60")
  }

  // MARK: - Together

  /// Every architecture of a small space once, whoever has seen some of it; then repeats.
  @Test func smallSpacesAreUsedUpBeforeAnythingRepeats() throws {
    for (layers, operations) in [(1, 4), (2, 3), (3, 2), (1, 1), (3, 1)] {
      let space = ArchitectureSpace(layers: layers, operations: operations)
      let size = try #require(space.size)
      for known in [0, 1, size / 2, size] {
        var history = ArchitectureHistory()
        for number in 0..<known {
          let architecture = space.architecture(number: number)
          history.seen.insert(architecture)
          history.evaluated.append((architecture, number % 3 == 0 ? nil : Double(number)))
        }
        let engine = ENASEngine(
          space: space, training: ENASEngineTests.training(steps: 20), seed: 1)
        let reply = try engine.suggest(
          count: size + 5, position: known, history: history, checkCancellation: {})
        #expect(reply.count == size + 5)
        let fresh = Set(reply).subtracting(history.seen)
        #expect(fresh.count == size - known, "\(layers) layers, \(known) known")
        #expect(Set(reply.prefix(size - known)) == fresh, "\(layers) layers, \(known) known")
      }
    }
  }

  /// Suggestion i has a stream of its own, so a batch begins like a smaller one.
  @Test func batchesBeginAlike() throws {
    let space = ArchitectureSpace(layers: 6, operations: 4)
    let history = ENASEngineTests.history(space, 30, seed: 1) { Double($0.operations[0]) }
    let engine = ENASEngine(space: space, training: ENASEngineTests.training(), seed: 4)
    func ask(_ count: Int, _ position: Int = 30) throws -> [Architecture] {
      try engine.suggest(
        count: count, position: position, history: history, checkCancellation: {})
    }
    let all = try ask(40)
    #expect(Set(all).count == 40)
    #expect(history.seen.isDisjoint(with: all))
    for count in [1, 2, 7] { #expect(try Array(all.prefix(count)) == ask(count)) }
    #expect(try ask(1, 31) != Array(all.prefix(1)))
  }

  /// The first suggestions are random with the skip rate that the controller is drawn to.
  @Test(arguments: [0.1, 0.4, 0.9]) func startIsRandom(_ target: Double) throws {
    let space = ArchitectureSpace(layers: 12, operations: 6)
    var skips = 0.0
    for seed: UInt64 in 0..<10 {
      var training = ENASEngineTests.training()
      training.skipTarget = target
      let engine = ENASEngine(space: space, training: training, seed: seed)
      let reply = try engine.suggest(
        count: 10, position: 0, history: ArchitectureHistory(), checkCancellation: {})
      skips += reply.reduce(0) { $0 + Double($1.skips.filter { $0 }.count) }
    }
    #expect(abs(skips / Double(100 * space.skips) - target) < 0.03)
  }

  @Test func cancellationIsHeard() {
    struct Cancelled: Error {}
    let space = ArchitectureSpace(layers: 6, operations: 4)
    let history = ENASEngineTests.history(space, 50, seed: 1) { Double($0.operations[0]) }
    let engine = ENASEngine(space: space, training: ENASEngineTests.training(), seed: 4)
    var calls = 0
    #expect(throws: Cancelled.self) {
      try engine.suggest(count: 20, position: 50, history: history) {
        calls += 1
        if calls > 60 { throw Cancelled() }
      }
    }
    #expect(calls == 61)
  }
}
