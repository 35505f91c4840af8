// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

@testable import Algorithms

@Suite struct ControllerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var layers: Int
    var operations: Int
    var hidden: Int
    var temperature: Double? = 5
    var tanhConstant: Double? = 2.25

    var space: ArchitectureSpace { ArchitectureSpace(layers: layers, operations: operations) }
    var testDescription: String {
      "\(layers) layers, \(operations) operations, H = \(hidden), T = \(temperature ?? 0), "
        + "C = \(tanhConstant ?? 0)"
    }
  }

  static let cases = [
    Case(layers: 1, operations: 3, hidden: 5), Case(layers: 2, operations: 2, hidden: 8),
    Case(layers: 5, operations: 4, hidden: 7), Case(layers: 6, operations: 3, hidden: 20),
    Case(layers: 4, operations: 5, hidden: 1), Case(layers: 4, operations: 1, hidden: 6),
    Case(layers: 5, operations: 4, hidden: 9, temperature: nil),
    Case(layers: 5, operations: 4, hidden: 9, tanhConstant: nil),
    Case(layers: 5, operations: 4, hidden: 9, temperature: nil, tanhConstant: nil),
    Case(layers: 5, operations: 4, hidden: 9, temperature: 0.5, tanhConstant: 1),
  ]

  /// A controller far from its small start, so that every part of it matters, and its double.
  static func pair(_ size: Case, seed: UInt64) -> (Controller, ControllerReference) {
    let shape = ControllerShape(space: size.space, hidden: size.hidden)
    let controller = Controller(
      shape, temperature: size.temperature, tanhConstant: size.tanhConstant, seed: seed)
    var random = RandomSource(seed: seed, purpose: "controller test")
    for i in 0..<shape.weightCount {
      controller.weights[i] = Float(1.6 * random.uniform() - 0.8)
    }
    let weights = (0..<shape.weightCount).map { Double(controller.weights[$0]) }
    return (
      controller,
      ControllerReference(
        shape: shape, weights: weights, temperature: size.temperature,
        tanhConstant: size.tanhConstant)
    )
  }

  @Test(arguments: cases) func opinionsAreThoseOfTheEquations(_ size: Case) {
    for seed: UInt64 in 0..<4 {
      let (controller, reference) = ControllerTests.pair(size, seed: seed)
      var random = RandomSource(seed: seed, purpose: "architectures")
      let architecture = size.space.random(skipRate: 0.5, using: &random)
      controller.follow(architecture)
      let opinion = reference.opinion(architecture, skipTarget: 0.4)
      let tape = controller.tape
      #expect(
        abs(Double(tape.logProbability) - opinion.logProbability) < 2e-3, "seed \(seed)")
      #expect(abs(Double(tape.entropy) - opinion.entropy) < 2e-3, "seed \(seed)")
      #expect(tape.architecture == architecture)
    }
  }

  /// Backpropagation against central differences of the reference, weight by weight, in every
  /// block of the weights.
  @Test(arguments: cases) func gradientsAreThoseOfFiniteDifferences(_ size: Case) {
    for seed: UInt64 in 0..<3 {
      let (controller, reference) = ControllerTests.pair(size, seed: 100 + seed)
      let shape = controller.shape
      var random = RandomSource(seed: seed, purpose: "architectures")
      let architecture = size.space.random(skipRate: 0.5, using: &random)
      let (advantage, weight, target) = (random.uniform() * 4 - 2, 0.8, 0.3)
      let gradient = ControllerGradient(shape)
      controller.follow(architecture)
      controller.addGradient(
        advantage: Float(advantage), skipWeight: Float(weight), skipTarget: Float(target),
        to: gradient)

      let blocks = [
        shape.recurrent, shape.start, shape.embedding, shape.softmax, shape.keys, shape.query,
        shape.attention, shape.weightCount,
      ]
      var largest = 0.0
      for (first, end) in zip(blocks, blocks.dropFirst()) {
        for _ in 0..<min(12, end - first) {
          let i = first + random.uniform(below: end - first)
          var moved = reference
          func loss(_ shift: Double) -> Double {
            moved.weights[i] = reference.weights[i] + shift
            return moved.loss(
              architecture, advantage: advantage, skipWeight: weight, skipTarget: target)
          }
          let expected = (loss(1e-5) - loss(-1e-5)) / 2e-5
          largest = max(largest, abs(expected))
          let error = abs(Double(gradient.weights[i]) - expected)
          #expect(
            error < 2e-3 * max(1, abs(expected)),
            "seed \(seed), weight \(i): \(gradient.weights[i]), should be \(expected)")
        }
      }
      // With one operation and one layer there is nothing to learn; elsewhere there is.
      #expect(size.operations == 1 || largest > 1e-3, "seed \(seed)")
    }
  }

  /// A gradient is added to what stands there, and the next run starts afresh.
  @Test func gradientsAddUp() {
    let size = ControllerTests.cases[2]
    let (controller, _) = ControllerTests.pair(size, seed: 9)
    var random = RandomSource(seed: 9, purpose: "architectures")
    let architectures = (0..<2).map { _ in size.space.random(skipRate: 0.5, using: &random) }
    let gradients = (0..<3).map { _ in ControllerGradient(controller.shape) }
    for (i, architecture) in architectures.enumerated() {
      for gradient in [gradients[i], gradients[2]] {
        controller.follow(architecture)
        controller.addGradient(
          advantage: 1, skipWeight: 0.8, skipTarget: 0.4, to: gradient)
      }
    }
    for k in 0..<controller.shape.weightCount {
      let sum = gradients[0].weights[k] + gradients[1].weights[k]
      #expect(abs(gradients[2].weights[k] - sum) < 1e-5)
    }
  }

  /// What is drawn comes as often as the controller says.
  @Test func drawsFollowTheProbabilities() {
    let size = Case(layers: 2, operations: 3, hidden: 8, temperature: 1)
    let (controller, reference) = ControllerTests.pair(size, seed: 4)
    var counts: [Architecture: Int] = [:]
    let draws = 20_000
    for i in 0..<draws {
      var random = RandomSource(seed: 4, purpose: "draws", index: UInt64(i))
      counts[controller.draw(using: &random), default: 0] += 1
    }
    #expect(counts.count == size.space.size)
    for (architecture, count) in counts {
      let opinion = reference.opinion(architecture, skipTarget: 0.4)
      let p = exp(opinion.logProbability)
      let deviation = (p * (1 - p) * Double(draws)).squareRoot()
      #expect(abs(Double(count) - p * Double(draws)) < 4.5 * deviation + 2, "\(architecture.text)")
    }
  }

  /// An untrained controller knows nothing: every choice is nearly uniform.
  @Test func theStartIsNearlyUniform() {
    let space = ArchitectureSpace(layers: 6, operations: 4)
    let shape = ControllerShape(space: space, hidden: 64)
    let controller = Controller(shape, temperature: 5, tanhConstant: 2.25, seed: 1)
    var random = RandomSource(seed: 1, purpose: "architectures")
    controller.follow(space.random(skipRate: 0.5, using: &random))
    let uniform = -6 * log(4.0) - 15 * log(2.0)
    #expect(abs(Double(controller.tape.logProbability) - uniform) < 0.01)
    #expect(abs(Double(controller.tape.entropy) + uniform) < 0.01)
  }

  @Test func tanhIsCloseEnough() {
    for i in -1000...1000 {
      let x = Double(i) / 100
      #expect(abs(Double(VectorKernels.tanh(Float(x))) - tanh(x)) < 1e-4, "\(x)")
      let sigmoid = 1 / (1 + exp(-x))
      #expect(abs(Double(VectorKernels.sigmoid(Float(x))) - sigmoid) < 1e-4, "\(x)")
    }
    for x: Float in [.infinity, -.infinity, 1e30, -1e30] {
      #expect(VectorKernels.tanh(x) == (x > 0 ? 1 : -1) || abs(VectorKernels.tanh(x)) > 0.9999)
    }
  }

  /// A gradient that overflows its square moves nothing; one that is no number is not taken at all.
  @Test func adamKeepsWeightsFinite() {
    let count = 19
    let weights = UnsafeMutablePointer<Float>.allocate(capacity: 2 * count)
    defer { weights.deallocate() }
    weights.initialize(repeating: 1, count: 2 * count)
    let gradient = weights + count
    let optimizer = AdamOptimizer(count: count)
    for place in [0, 7, 8, 16, 18] {
      for value in [Float.infinity, -.infinity, .nan] {
        gradient[place] = value
        #expect(!optimizer.step(weights, gradient, rate: 1), "\(value) at \(place)")
      }
      gradient[place] = 1
    }
    #expect((0..<count).allSatisfy { weights[$0] == 1 })
    for step in 1...50 {
      for i in 0..<count { gradient[i] = i % 2 == 0 ? 3e38 : 1e-38 }
      #expect(optimizer.step(weights, gradient, rate: 1))
      #expect((0..<count).allSatisfy { abs(weights[$0]) < 100 }, "step \(step)")
    }
  }

  @Test func adamTakesTheStepsOfThePaper() {
    let count = 19
    var random = RandomSource(seed: 2, purpose: "adam")
    var expected = (0..<count).map { _ in random.uniform() - 0.5 }
    let weights = UnsafeMutablePointer<Float>.allocate(capacity: 2 * count)
    defer { weights.deallocate() }
    let gradient = weights + count
    for i in 0..<count { weights[i] = Float(expected[i]) }
    let optimizer = AdamOptimizer(count: count)
    var (m, v) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    for step in 1...5 {
      for i in 0..<count {
        let g = random.uniform() - 0.3
        gradient[i] = Float(g)
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g * g
        let (mHat, vHat) = (
          m[i] / (1 - pow(0.9, Double(step))), v[i] / (1 - pow(0.999, Double(step)))
        )
        expected[i] -= 0.01 * mHat / (vHat.squareRoot() + 1e-8)
      }
      #expect(optimizer.step(weights, gradient, rate: 0.01))
      for i in 0..<count { #expect(abs(Double(weights[i]) - expected[i]) < 1e-5, "step \(step)") }
    }
  }
}
