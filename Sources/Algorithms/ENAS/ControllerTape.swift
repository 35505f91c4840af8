// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What a run of the controller leaves behind for its gradient: every vector of every step, in one
/// block of memory that is used again and again.
///
/// Steps 2l and 2l + 1 belong to layer l. Attention's tanh vectors, one per pair of layers, are not
/// kept but computed again: they alone would grow with the square of the depth.
final class ControllerTape {
  typealias Vector = UnsafeMutablePointer<Float>

  var architecture: Architecture
  var logProbability: Float = 0
  /// Sum of the entropies of all choices, in nats.
  var entropy: Float = 0
  /// Probability of each skip, and the slope of its logit.
  let skipProbabilities: Vector
  let skipSlopes: Vector
  /// Room for one vector of the attention.
  let scratch: Vector

  private let shape: ControllerShape
  private let block: Vector
  private let size: Int
  private let inputs: Vector
  private let gateVectors: Vector
  private let cells: Vector
  private let squashedCells: Vector
  private let states: Vector
  private let keys: Vector
  private let queries: Vector
  private let slopes: Vector
  private let probabilities: Vector

  init(_ shape: ControllerShape) {
    self.shape = shape
    let space = shape.space
    let vectors = shape.steps * shape.hidden
    let layers = space.layers * shape.hidden
    let choices = space.layers * space.operations
    size = 9 * vectors + 2 * layers + 2 * choices + 2 * space.skips + shape.hidden
    block = .allocate(capacity: size)
    block.initialize(repeating: 0, count: size)
    inputs = block
    gateVectors = inputs + 2 * vectors
    cells = gateVectors + 4 * vectors
    squashedCells = cells + vectors
    states = squashedCells + vectors
    keys = states + vectors
    queries = keys + layers
    slopes = queries + layers
    probabilities = slopes + choices
    skipProbabilities = probabilities + choices
    skipSlopes = skipProbabilities + space.skips
    scratch = skipSlopes + space.skips
    architecture = Architecture(
      operations: Array(repeating: 0, count: space.layers),
      skips: Array(repeating: false, count: space.skips))
  }

  deinit {
    block.deallocate()
  }

  /// Products are added to what stands there.
  func reset() {
    gateVectors.update(repeating: 0, count: shape.steps * 4 * shape.hidden)
    keys.update(repeating: 0, count: 2 * shape.space.layers * shape.hidden)
    logProbability = 0
    entropy = 0
  }

  /// Input of step t and, behind it, the state before: 2H.
  func input(_ t: Int) -> Vector { inputs + t * 2 * shape.hidden }
  /// Activated gates i, f, o, g of step t: 4H.
  func gates(_ t: Int) -> Vector { gateVectors + t * 4 * shape.hidden }
  func cell(_ t: Int) -> Vector { cells + t * shape.hidden }
  func squashedCell(_ t: Int) -> Vector { squashedCells + t * shape.hidden }
  func state(_ t: Int) -> Vector { states + t * shape.hidden }
  /// W1 h of a layer.
  func key(_ layer: Int) -> Vector { keys + layer * shape.hidden }
  /// W2 h of a layer.
  func query(_ layer: Int) -> Vector { queries + layer * shape.hidden }
  func operationSlopes(_ layer: Int) -> Vector { slopes + layer * shape.space.operations }
  func operationProbabilities(_ layer: Int) -> Vector {
    probabilities + layer * shape.space.operations
  }

  func copyPreviousState(into t: Int) {
    let behind = input(t) + shape.hidden
    if t == 0 {
      behind.update(repeating: 0, count: shape.hidden)
    } else {
      behind.update(from: state(t - 1), count: shape.hidden)
    }
  }

  /// The layers whose states make the input of a layer's first step; empty means `start`.
  ///
  /// They are those that the layer before is connected to; layers 0 and 1 have nobody to look at.
  func attended(by layer: Int) -> (sources: [Int], share: Float)? {
    guard layer >= 2 else { return nil }
    let sources = (0..<layer - 1).filter {
      architecture.skips[ArchitectureSpace.skip($0, to: layer - 1)]
    }
    return (sources, 1 / Float(1 + sources.count))
  }

  /// Fills the input of a layer's first step.
  func setInput(of t: Int, _ start: UnsafePointer<Float>) {
    let input = input(t)
    guard let (sources, share) = attended(by: t / 2) else {
      input.update(from: start, count: shape.hidden)
      return
    }
    input.update(repeating: 0, count: shape.hidden)
    for source in sources {
      let state = state(2 * source + 1)
      for k in 0..<shape.hidden { input[k] += share * state[k] }
    }
  }
}
