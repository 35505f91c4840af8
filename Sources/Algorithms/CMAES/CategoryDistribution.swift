// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// Probabilities of the values of one categorical axis, adapted as CatCMA does: Hamano, Saito,
/// Nomura, Uchida and Shirakawa, "CatCMA" (GECCO 2024): the natural gradient of a categorical
/// distribution moves the probabilities towards those of the better half, and a floor keeps every
/// value alive.
struct CategoryDistribution: Sendable {
  private(set) var probabilities: [Double]
  private let floor: Double

  /// - Parameters:
  ///   - count: number of values, at least 1.
  ///   - axes: number of categorical axes; the floor is such that with probability 0.27 a sample
  ///     leaves the likeliest value on some axis (CatCMA's choice).
  init(count: Int, axes: Int) {
    let likeliest = pow(1 - 0.27, 1 / Double(max(axes, 1)))
    probabilities = [Double](repeating: 1 / Double(count), count: count)
    floor =
      count < 2
      ? 1 : min((1 - likeliest) / Double(count - 1), 1 / Double(count))
  }

  /// - Parameters:
  ///   - values: the values of a generation.
  ///   - weights: their recombination weights; only the positive ones count, their sum is 1.
  mutating func update(values: [Int], weights: [Double], rate: Double) {
    for k in probabilities.indices { probabilities[k] *= 1 - rate }
    for (value, weight) in zip(values, weights) where weight > 0 {
      probabilities[value] += rate * weight
    }
    applyFloor()
  }

  private mutating func applyFloor() {
    for k in probabilities.indices { probabilities[k] = max(probabilities[k], floor) }
    // Take the surplus from what stands above the floor.
    let surplus = probabilities.reduce(0, +) - 1
    let room = probabilities.reduce(0) { $0 + ($1 - floor) }
    if surplus > 0, room > 0 {
      for k in probabilities.indices {
        probabilities[k] -= surplus * (probabilities[k] - floor) / room
      }
    }
  }

  func sample(using random: inout RandomSource) -> Int {
    var u = random.uniform()
    for (k, p) in probabilities.enumerated() {
      u -= p
      if u < 0 { return k }
    }
    return probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
  }
}
