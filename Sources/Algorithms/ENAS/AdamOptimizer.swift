// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Adam: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1, with
/// the paper's rates of decay.
final class AdamOptimizer {
  private static let decay1: Float = 0.9
  private static let decay2: Float = 0.999
  private static let epsilon: Float = 1e-8

  private let count: Int
  private let first: UnsafeMutablePointer<Float>
  private let second: UnsafeMutablePointer<Float>
  private var power1: Float = 1
  private var power2: Float = 1

  init(count: Int) {
    self.count = count
    first = .allocate(capacity: 2 * count)
    first.initialize(repeating: 0, count: 2 * count)
    second = first + count
  }

  deinit {
    first.deallocate()
  }

  /// Moves the weights one step of size `rate` against the gradient.
  ///
  /// No weight moves by more than a few times `rate` (the paper's section 2.1), however large the
  /// gradient: what overflows the square makes the step 0. So finite weights stay finite, as long as
  /// the gradient is.
  /// - Returns: false, and nothing has changed, when the gradient is not finite.
  func step(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, rate: Float
  ) -> Bool {
    guard VectorKernels.isFinite(gradient, count) else { return false }
    power1 *= AdamOptimizer.decay1
    power2 *= AdamOptimizer.decay2
    let (decay1, decay2) = (AdamOptimizer.decay1, AdamOptimizer.decay2)
    let scale = rate / (1 - power1)
    let correction = 1 / (1 - power2)
    // By eights: the compiler does not vectorise a square root by itself.
    var i = 0
    while i &+ 8 <= count {
      let g = VectorKernels.load(gradient + i)
      let m = decay1 * VectorKernels.load(first + i) + (1 - decay1) * g
      let v = decay2 * VectorKernels.load(second + i) + (1 - decay2) * (g * g)
      let w = VectorKernels.load(weights + i)
      VectorKernels.store(m, first + i)
      VectorKernels.store(v, second + i)
      VectorKernels.store(
        w - scale * m / ((v * correction).squareRoot() + AdamOptimizer.epsilon), weights + i)
      i &+= 8
    }
    while i < count {
      let g = gradient[i]
      first[i] = decay1 * first[i] + (1 - decay1) * g
      second[i] = decay2 * second[i] + (1 - decay2) * (g * g)
      weights[i] -=
        scale * first[i] / ((second[i] * correction).squareRoot() + AdamOptimizer.epsilon)
      i &+= 1
    }
    return true
  }
}
