// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Backpropagation through a run of the controller, by hand.
///
/// The loss of one architecture a with advantage A (Williams, "Simple statistical gradient-following
/// algorithms for connectionist reinforcement learning", Machine Learning 8, 1992, plus the skip
/// penalty of ENAS):
///
///     -A ln p(a) + w · mean over layers of the sum over their skips of KL(p_skip ‖ target)
///
/// Layers are walked backwards. What reaches the state h_l of a layer comes from four places: the
/// next LSTM step, its own query, and, from every later layer, its key and its part in the attended
/// sum; the latter two are collected in `stateGradients` and `keyGradients` on the way.
extension Controller {
  /// Adds the gradient of the last run's loss to `gradient`.
  /// - Parameters:
  ///   - skipWeight: w; 0 for no penalty.
  ///   - skipTarget: the skip rate that the penalty draws towards, in (0, 1).
  ///   - gradient: `shape.weightCount` floats, laid out as the weights.
  func addGradient(
    advantage: Float, skipWeight: Float, skipTarget: Float, to gradient: ControllerGradient
  ) {
    let hidden = shape.hidden
    gradient.beginRun()
    let layers = shape.space.layers
    // The penalty is a mean over the layers that have skips.
    let penalty = layers > 1 ? skipWeight / Float(layers - 1) : 0
    for layer in (0..<layers).reversed() {
      let state = tape.state(2 * layer + 1)
      let (down, key) = (gradient.state, gradient.key(layer))
      for k in 0..<hidden { down[k] += gradient.attendedState(layer)[k] }
      if layer > 0 {
        addSkipGradient(layer, advantage, penalty, skipTarget, gradient)
      }
      VectorKernels.addOuterProduct(
        state, key, rows: hidden, columns: hidden, to: gradient.weights + shape.keys)
      VectorKernels.addTransposedProduct(
        key, weights + shape.keys, rows: hidden, columns: hidden, to: down)
      stepBack(2 * layer + 1, gradient)
      let operation = Int(tape.architecture.operations[layer])
      gradient.add(gradient.input, to: shape.embedding + operation * hidden)

      addOperationGradient(layer, advantage, gradient)
      stepBack(2 * layer, gradient)
      if let (sources, share) = tape.attended(by: layer) {
        for source in sources {
          let other = gradient.attendedState(source)
          for k in 0..<hidden { other[k] += share * gradient.input[k] }
        }
      } else {
        gradient.add(gradient.input, to: shape.start)
      }
    }
    gradient.endRun(inputs: tape.input(0))
  }

  private func addSkipGradient(
    _ layer: Int, _ advantage: Float, _ penalty: Float, _ target: Float,
    _ gradient: ControllerGradient
  ) {
    let hidden = shape.hidden
    let query = tape.query(layer)
    let v = weights + shape.attention
    let queryGradient = gradient.query
    queryGradient.update(repeating: 0, count: hidden)
    for source in 0..<layer {
      let place = ArchitectureSpace.skip(source, to: layer)
      let p = tape.skipProbabilities[place]
      let chosen: Float = tape.architecture.skips[place] ? 1 : 0
      // By the squashed logit y, of which p is the sigmoid of 2y.
      var slope = -advantage * 2 * (chosen - p)
      let bounded = min(max(p, 1e-6), 1 - 1e-6)
      slope +=
        penalty * 2 * p * (1 - p)
        * (logf(bounded / target) - logf((1 - bounded) / (1 - target)))
      slope *= tape.skipSlopes[place]
      let (key, keyGradient) = (tape.key(source), gradient.key(source))
      let vGradient = gradient.weights + shape.attention
      let u = tape.scratch
      VectorKernels.tanhOfSum(query, key, hidden, to: u)
      for k in 0..<hidden { vGradient[k] += slope * u[k] }
      for k in 0..<hidden { u[k] = slope * v[k] * (1 - u[k] * u[k]) }
      for k in 0..<hidden { queryGradient[k] += u[k] }
      for k in 0..<hidden { keyGradient[k] += u[k] }
    }
    VectorKernels.addOuterProduct(
      tape.state(2 * layer + 1), queryGradient, rows: hidden, columns: hidden,
      to: gradient.weights + shape.query)
    VectorKernels.addTransposedProduct(
      queryGradient, weights + shape.query, rows: hidden, columns: hidden, to: gradient.state)
  }

  private func addOperationGradient(
    _ layer: Int, _ advantage: Float, _ gradient: ControllerGradient
  ) {
    let hidden = shape.hidden
    let state = tape.state(2 * layer)
    let chosen = Int(tape.architecture.operations[layer])
    let slopes = tape.operationSlopes(layer)
    let probabilities = tape.operationProbabilities(layer)
    for a in 0..<shape.space.operations {
      let slope = -advantage * ((a == chosen ? 1 : 0) - probabilities[a]) * slopes[a]
      let row = shape.softmax + a * hidden
      let (weightGradient, weight) = (gradient.weights + row, weights + row)
      let down = gradient.state
      for k in 0..<hidden { weightGradient[k] += slope * state[k] }
      for k in 0..<hidden { down[k] += slope * weight[k] }
    }
  }

  /// One LSTM step backwards: takes the gradient by its state and cell, leaves those of the step
  /// before in their place, and that of the input in `gradient.input`.
  private func stepBack(_ t: Int, _ gradient: ControllerGradient) {
    let hidden = shape.hidden
    let gates = tape.gates(t)
    let (i, f) = (gates, gates + hidden)
    let (o, g) = (gates + 2 * hidden, gates + 3 * hidden)
    let squashed = tape.squashedCell(t)
    let raw = gradient.gates(t)
    let (byState, byCell) = (gradient.state, gradient.cell)
    for k in 0..<hidden {
      byCell[k] += byState[k] * o[k] * (1 - squashed[k] * squashed[k])
    }
    for k in 0..<hidden { raw[k] = byCell[k] * g[k] * i[k] * (1 - i[k]) }
    if t > 0 {
      let before = tape.cell(t - 1)
      let rawF = raw + hidden
      for k in 0..<hidden { rawF[k] = byCell[k] * before[k] * f[k] * (1 - f[k]) }
    } else {
      (raw + hidden).update(repeating: 0, count: hidden)
    }
    let (rawO, rawG) = (raw + 2 * hidden, raw + 3 * hidden)
    for k in 0..<hidden { rawO[k] = byState[k] * squashed[k] * o[k] * (1 - o[k]) }
    for k in 0..<hidden { rawG[k] = byCell[k] * i[k] * (1 - g[k] * g[k]) }
    for k in 0..<hidden { byCell[k] *= f[k] }
    gradient.clearInputAndState()
    // Input and state lie behind each other, as in the tape.
    VectorKernels.addTransposedProduct(
      raw, weights + shape.recurrent, rows: 2 * hidden, columns: 4 * hidden, to: gradient.input)
  }
}

/// The gradient of a controller's weights, with the room that backpropagation works in.
final class ControllerGradient {
  typealias Vector = UnsafeMutablePointer<Float>

  /// Laid out as the controller's weights.
  let weights: Vector
  /// Gradient by the input of the step just left; `state` stands right behind it.
  let input: Vector
  /// Gradient by the state and the cell that the walk has reached.
  let state: Vector
  let cell: Vector
  let query: Vector

  private let shape: ControllerShape
  private let keys: Vector
  private let states: Vector
  private let gateVectors: Vector

  init(_ shape: ControllerShape) {
    self.shape = shape
    let hidden = shape.hidden
    let layers = shape.space.layers * hidden
    let size = shape.weightCount + 4 * hidden + 2 * layers + shape.steps * 4 * hidden
    weights = .allocate(capacity: size)
    weights.initialize(repeating: 0, count: size)
    input = weights + shape.weightCount
    state = input + hidden
    cell = state + hidden
    query = cell + hidden
    keys = query + hidden
    states = keys + layers
    gateVectors = states + layers
  }

  deinit {
    weights.deallocate()
  }

  func clear() { weights.update(repeating: 0, count: shape.weightCount) }

  /// Gradient by a layer's key.
  func key(_ layer: Int) -> Vector { keys + layer * shape.hidden }
  /// Gradient by a layer's state, as far as later layers attended to it.
  func attendedState(_ layer: Int) -> Vector { states + layer * shape.hidden }
  /// Gradient by the gates of step t before activation.
  func gates(_ t: Int) -> Vector { gateVectors + t * 4 * shape.hidden }

  func add(_ vector: Vector, to offset: Int) {
    for k in 0..<shape.hidden { weights[offset + k] += vector[k] }
  }

  func clearInputAndState() { input.update(repeating: 0, count: 2 * shape.hidden) }

  fileprivate func beginRun() {
    state.update(repeating: 0, count: 2 * shape.hidden)
    keys.update(repeating: 0, count: 2 * shape.space.layers * shape.hidden)
  }

  /// The recurrent matrix's gradient, all steps at once: four outer products share one load and
  /// store of the matrix.
  fileprivate func endRun(inputs: UnsafePointer<Float>) {
    let (rows, columns) = (2 * shape.hidden, 4 * shape.hidden)
    for r in 0..<rows {
      let row = weights + shape.recurrent + r * columns
      for t in stride(from: 0, to: shape.steps, by: 2) {
        let (x0, x1) = (inputs[t * rows + r], inputs[(t + 1) * rows + r])
        let (g0, g1) = (gates(t), gates(t + 1))
        for c in 0..<columns { row[c] += x0 * g0[c] + x1 * g1[c] }
      }
    }
  }
}
