// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// The ENAS controller: a recurrent network that writes an architecture down layer by layer.
///
/// Pham, Guan, Zoph, Le and Dean, "Efficient neural architecture search via parameter sharing",
/// ICML 2018, section 2.3, with the details of Katib's controller. For each layer an LSTM makes two
/// steps. After the first, a softmax chooses the layer's operation, whose embedding is the input of
/// the second. After that, attention asks every earlier layer j whether to connect it:
///
///     q_j = v · tanh(W1 h_j + W2 h),   logits (-y_j, y_j)
///
/// The next layer starts from the sum of the connected layers' states, divided by one more than
/// their number. All logits are divided by a temperature, then squashed to ±constant by a tanh.
///
/// A run records what the gradient needs (see `Controller+Gradient.swift`); the same run serves to
/// draw an architecture and to follow a given one.
///
/// What surprises: the weights start within ±0.01, so the untrained controller draws uniformly,
/// with a skip rate of one half.
final class Controller {
  let shape: ControllerShape
  /// Logits are divided by it.
  let temperature: Float
  /// The bound of the logits; nil leaves them unbounded.
  let tanhConstant: Float?
  let weights: UnsafeMutablePointer<Float>
  let tape: ControllerTape

  init(_ shape: ControllerShape, temperature: Double?, tanhConstant: Double?, seed: UInt64) {
    self.shape = shape
    self.temperature = Float(temperature ?? 1)
    self.tanhConstant = tanhConstant.map { Float($0) }
    weights = .allocate(capacity: shape.weightCount)
    tape = ControllerTape(shape)
    var random = RandomSource(seed: seed, purpose: "enas controller")
    for i in 0..<shape.weightCount {
      weights[i] = Controller.initialRange * Float(2 * random.uniform() - 1)
    }
  }

  deinit {
    weights.deallocate()
  }

  static let initialRange: Float = 0.01

  /// An architecture drawn from the controller's distribution.
  func draw(using random: inout RandomSource) -> Architecture {
    var decisions = DrawnDecisions(random: random)
    run(&decisions)
    random = decisions.random
    return tape.architecture
  }

  /// Runs over a given architecture, so that the tape tells how likely it is.
  func follow(_ architecture: Architecture) {
    var decisions = GivenDecisions(architecture: architecture)
    run(&decisions)
  }

  private func run(_ decisions: inout some Decisions) {
    let hidden = shape.hidden
    tape.reset()
    for layer in 0..<shape.space.layers {
      tape.setInput(of: 2 * layer, weights + shape.start)
      step(2 * layer)
      let operation = chooseOperation(layer, &decisions)
      tape.architecture.operations[layer] = Int32(operation)
      let embedding = weights + shape.embedding + operation * hidden
      tape.input(2 * layer + 1).update(from: embedding, count: hidden)
      step(2 * layer + 1)
      let state = tape.state(2 * layer + 1)
      if layer > 0 { chooseSkips(layer, state, &decisions) }
      VectorKernels.addProduct(
        state, weights + shape.keys, rows: hidden, columns: hidden, to: tape.key(layer))
    }
  }

  /// One LSTM step: gates i, f, o, g from input and previous state, c = i g + f c', h = o tanh c.
  private func step(_ t: Int) {
    let hidden = shape.hidden
    let gates = tape.gates(t)
    tape.copyPreviousState(into: t)
    VectorKernels.addProduct(
      tape.input(t), weights + shape.recurrent, rows: 2 * hidden, columns: 4 * hidden, to: gates)
    for k in 0..<3 * hidden { gates[k] = VectorKernels.sigmoid(gates[k]) }
    VectorKernels.tanh(gates + 3 * hidden, hidden, to: gates + 3 * hidden)
    let (i, f) = (gates, gates + hidden)
    let (o, g) = (gates + 2 * hidden, gates + 3 * hidden)
    let (cell, squashed, state) = (tape.cell(t), tape.squashedCell(t), tape.state(t))
    for k in 0..<hidden { cell[k] = i[k] * g[k] }
    if t > 0 {
      let before = tape.cell(t - 1)
      for k in 0..<hidden { cell[k] += f[k] * before[k] }
    }
    VectorKernels.tanh(cell, hidden, to: squashed)
    for k in 0..<hidden { state[k] = o[k] * squashed[k] }
  }

  private func chooseOperation(_ layer: Int, _ decisions: inout some Decisions) -> Int {
    let (hidden, count) = (shape.hidden, shape.space.operations)
    let state = tape.state(2 * layer)
    let slopes = tape.operationSlopes(layer)
    let probabilities = tape.operationProbabilities(layer)
    var largest = -Float.infinity
    for a in 0..<count {
      let logit = VectorKernels.dot(state, weights + shape.softmax + a * hidden, hidden)
      (probabilities[a], slopes[a]) = squash(logit)
      largest = max(largest, probabilities[a])
    }
    var sum: Float = 0
    for a in 0..<count {
      probabilities[a] = expf(probabilities[a] - largest)
      sum += probabilities[a]
    }
    for a in 0..<count {
      probabilities[a] /= sum
      tape.entropy -= Controller.timesLog(probabilities[a])
    }
    let choice = decisions.operation(
      layer, UnsafeBufferPointer(start: probabilities, count: count))
    tape.logProbability += logf(max(probabilities[choice], Controller.leastProbability))
    return choice
  }

  private func chooseSkips(
    _ layer: Int, _ state: UnsafePointer<Float>, _ decisions: inout some Decisions
  ) {
    let hidden = shape.hidden
    let query = tape.query(layer)
    VectorKernels.addProduct(
      state, weights + shape.query, rows: hidden, columns: hidden, to: query)
    let v = weights + shape.attention
    for source in 0..<layer {
      VectorKernels.tanhOfSum(query, tape.key(source), hidden, to: tape.scratch)
      let q = VectorKernels.dot(v, tape.scratch, hidden)
      let place = ArchitectureSpace.skip(source, to: layer)
      let (logit, slope) = squash(q)
      // A softmax over (-y, y) is a sigmoid of 2y.
      let probability = VectorKernels.sigmoid(2 * logit)
      tape.skipSlopes[place] = slope
      tape.skipProbabilities[place] = probability
      tape.entropy -= Controller.timesLog(probability) + Controller.timesLog(1 - probability)
      let connects = decisions.skip(place, probability)
      tape.architecture.skips[place] = connects
      tape.logProbability += logf(
        max(connects ? probability : 1 - probability, Controller.leastProbability))
    }
  }

  /// A logit behind temperature and tanh, and its derivative by the raw one.
  private func squash(_ raw: Float) -> (logit: Float, slope: Float) {
    let logit = raw / temperature
    guard let tanhConstant else { return (logit, 1 / temperature) }
    let squashed = VectorKernels.tanh(logit)
    return (tanhConstant * squashed, tanhConstant * (1 - squashed * squashed) / temperature)
  }

  /// Keeps logarithms of probabilities finite.
  static let leastProbability: Float = 1e-30

  /// p ln p, 0 at 0.
  private static func timesLog(_ p: Float) -> Float { p > 0 ? p * logf(p) : 0 }
}

/// Who decides during a run.
protocol Decisions {
  mutating func operation(_ layer: Int, _ probabilities: UnsafeBufferPointer<Float>) -> Int
  mutating func skip(_ place: Int, _ probability: Float) -> Bool
}

private struct GivenDecisions: Decisions {
  let architecture: Architecture

  func operation(_ layer: Int, _ probabilities: UnsafeBufferPointer<Float>) -> Int {
    Int(architecture.operations[layer])
  }

  func skip(_ place: Int, _ probability: Float) -> Bool { architecture.skips[place] }
}

private struct DrawnDecisions: Decisions {
  var random: RandomSource

  mutating func operation(_ layer: Int, _ probabilities: UnsafeBufferPointer<Float>) -> Int {
    var rest = Float(random.uniform())
    for (a, probability) in probabilities.enumerated() {
      rest -= probability
      if rest < 0 { return a }
    }
    // Rounding left a sliver.
    return probabilities.count - 1
  }

  mutating func skip(_ place: Int, _ probability: Float) -> Bool {
    Float(random.uniform()) < probability
  }
}
