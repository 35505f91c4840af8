// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// The architectures that need not be tried again: those of every trial, whatever became of it, and
/// those of this reply; and the way out when a proposal is one of them.
struct SeenArchitectures {
  private let space: ArchitectureSpace
  private var seen: Set<Architecture>
  /// The number of architectures; nil beyond 2^53.
  private let size: Int?

  /// Random changes to a proposal before the whole space is walked instead.
  private static let mutations = 64

  init(_ space: ArchitectureSpace, _ seen: Set<Architecture>) {
    self.space = space
    self.seen = seen
    size = space.size
  }

  /// Whether there is nothing left to try.
  var isExhausted: Bool { size.map { seen.count >= $0 } ?? false }

  func contains(_ architecture: Architecture) -> Bool { seen.contains(architecture) }

  mutating func insert(_ architecture: Architecture) { seen.insert(architecture) }

  /// The proposal itself when it is new, else a new one near it; the proposal again once all are
  /// seen, since a reply must hold what was asked for.
  func unseen(near proposal: Architecture, using random: inout RandomSource) -> Architecture {
    if !seen.contains(proposal) || isExhausted { return proposal }
    var candidate = proposal
    for attempt in 0..<SeenArchitectures.mutations {
      // One change, then two, and so on: eight tries each.
      candidate = proposal
      for _ in 0...(attempt / 8) { space.mutate(&candidate, using: &random) }
      if !seen.contains(candidate) { return candidate }
    }
    return firstUnseen(using: &random) ?? proposal
  }

  /// Of any `seen.count + 1` architectures in a row at least one is new.
  private func firstUnseen(using random: inout RandomSource) -> Architecture? {
    guard let size else { return nil }
    let start = random.uniform(below: size)
    for offset in 0...min(seen.count, size - 1) {
      let candidate = space.architecture(number: (start + offset) % size)
      if !seen.contains(candidate) { return candidate }
    }
    return nil
  }
}

extension ArchitectureSpace {
  /// The number of architectures; nil beyond 2^53.
  var size: Int? {
    guard skips <= 53 else { return nil }
    var product = Double(sign: .plus, exponent: skips, significand: 1)
    for _ in 0..<layers { product *= Double(operations) }
    return product < 0x1p53 ? Int(product) : nil
  }

  /// The architecture with this number, 0 ..< size.
  func architecture(number: Int) -> Architecture {
    var rest = number
    let skips = (0..<self.skips).map { _ in
      defer { rest >>= 1 }
      return rest & 1 == 1
    }
    let operations = (0..<layers).map { _ in
      defer { rest /= self.operations }
      return Int32(rest % self.operations)
    }
    return Architecture(operations: operations, skips: skips)
  }

  /// One change, as regularised evolution makes it: another operation in one layer, or one skip
  /// turned, with equal probability where there is a choice.
  func mutate(_ architecture: inout Architecture, using random: inout RandomSource) {
    let hasOperations = operations > 1
    guard hasOperations || skips > 0 else { return }
    if hasOperations, skips == 0 || random.uniform() < 0.5 {
      let layer = random.uniform(below: layers)
      let shift = 1 + random.uniform(below: operations - 1)
      let operation = (Int(architecture.operations[layer]) + shift) % operations
      architecture.operations[layer] = Int32(operation)
    } else {
      architecture.skips[random.uniform(below: skips)].toggle()
    }
  }
}
