// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

@testable import Algorithms

/// The controller a second time: straight from its equations, in doubles, with nested arrays and
/// the library's tanh. Slow and plain, so that the fast one can be held against it.
struct ControllerReference {
  let shape: ControllerShape
  var weights: [Double]
  var temperature: Double?
  var tanhConstant: Double?

  private func row(_ offset: Int, _ r: Int, _ columns: Int) -> [Double] {
    Array(weights[(offset + r * columns)..<(offset + (r + 1) * columns)])
  }

  /// x W, with W of `rows` times `columns` at `offset`.
  private func product(_ x: [Double], _ offset: Int, _ columns: Int) -> [Double] {
    (0..<columns).map { c in
      x.indices.reduce(0) { $0 + x[$1] * weights[offset + $1 * columns + c] }
    }
  }

  private func squash(_ logit: Double) -> Double {
    let cool = logit / (temperature ?? 1)
    return tanhConstant.map { $0 * tanh(cool) } ?? cool
  }

  private func lstm(
    _ x: [Double], _ h: [Double], _ c: [Double]
  ) -> (h: [Double], c: [Double]) {
    let size = shape.hidden
    let raw = product(x + h, shape.recurrent, 4 * size)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
    let cell = (0..<size).map {
      sigmoid(raw[$0]) * tanh(raw[3 * size + $0]) + sigmoid(raw[size + $0]) * c[$0]
    }
    return ((0..<size).map { sigmoid(raw[2 * size + $0]) * tanh(cell[$0]) }, cell)
  }

  /// What the controller thinks of an architecture.
  struct Opinion {
    var logProbability = 0.0
    var entropy = 0.0
    /// Mean over layers of the sum over their skips.
    var divergence = 0.0
  }

  func opinion(_ architecture: Architecture, skipTarget: Double) -> Opinion {
    let size = shape.hidden
    var opinion = Opinion()
    var h = [Double](repeating: 0, count: size)
    var c = h
    var states: [[Double]] = []
    let start = row(shape.start, 0, size)
    var input = start
    for layer in 0..<shape.space.layers {
      (h, c) = lstm(input, h, c)
      let chosen = Int(architecture.operations[layer])
      let logits = (0..<shape.space.operations).map { a in
        squash(zip(h, row(shape.softmax, a, size)).reduce(0) { $0 + $1.0 * $1.1 })
      }
      let total = logits.reduce(0) { $0 + exp($1) }
      opinion.logProbability += logits[chosen] - log(total)
      opinion.entropy -= logits.reduce(0) { $0 + exp($1) / total * ($1 - log(total)) }
      (h, c) = lstm(row(shape.embedding, chosen, size), h, c)
      input = start
      if layer > 0 {
        var sum = [Double](repeating: 0, count: size)
        var connected = 0.0
        for source in 0..<layer {
          let key = product(states[source], shape.keys, size)
          let query = product(h, shape.query, size)
          let v = row(shape.attention, 0, size)
          let y = squash((0..<size).reduce(0) { $0 + v[$1] * tanh(key[$1] + query[$1]) })
          let p = 1 / (1 + exp(-2 * y))
          let isOn = architecture.skips[ArchitectureSpace.skip(source, to: layer)]
          opinion.logProbability += log(isOn ? p : 1 - p)
          opinion.entropy -= p * log(p) + (1 - p) * log(1 - p)
          opinion.divergence +=
            (p * log(p / skipTarget) + (1 - p) * log((1 - p) / (1 - skipTarget)))
            / Double(shape.space.layers - 1)
          if isOn {
            connected += 1
            for k in 0..<size { sum[k] += states[source][k] }
          }
        }
        input = sum.map { $0 / (1 + connected) }
      }
      states.append(h)
    }
    return opinion
  }

  func loss(
    _ architecture: Architecture, advantage: Double, skipWeight: Double, skipTarget: Double
  ) -> Double {
    let opinion = opinion(architecture, skipTarget: skipTarget)
    return -advantage * opinion.logProbability + skipWeight * opinion.divergence
  }
}
