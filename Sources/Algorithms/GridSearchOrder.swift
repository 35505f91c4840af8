// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// An order of all points of a finite search space that covers the space early, with random
/// access in both directions and nothing enumerated: the space may have 10^15 points, or 10^3000.
///
/// Counting through a grid in the order of its parameters tries the first value of the first
/// parameter for most of an Experiment. This order mixes: the index is split into digits, one per
/// parameter (mixed radix, the parameter with most values fastest), and each digit d is turned
/// into a value by a bijection that the faster digits choose:
///
///     value = (spread(d) + floor(n · u(j))) mod n,   j = index mod (product of the faster radices)
///
/// `spread` deals d = 0, 1, 2, ... out to the halves of 0 ..< n in turn, to their halves in turn,
/// and so on: van der Corput's sequence (1935) for any n. u(j) is the parameter's coordinate of
/// scrambled Sobol point j. As long as the index is below the product of the faster radices, d is 0
/// and j is the index itself: so the values are those of a Sobol point, and every parameter moves
/// from the start. Later points are the same pattern shifted to where it was not yet.
///
/// What surprises: Sobol points come in counting order here, not in Gray code order, because then
/// dimension 1 is van der Corput's sequence and `spread` of the fastest digit takes its place.
struct GridSearchOrder: Sendable {
  /// How one parameter with a choice gets its value.
  fileprivate struct Digit {
    /// Its place among all parameters.
    let parameter: Int
    /// Its number of values, n.
    let radix: UInt64
    /// The product of the faster radices; nil beyond 64 bits, where no index reaches.
    let weight: UInt64?
    let seed: UInt64
  }

  /// The number of points; nil when it exceeds 64 bits.
  let count: UInt64?
  private let parameterCount: Int
  private let digits: [Digit]
  private let sequence: SobolSequence

  /// nil for a space with a continuous parameter. The seed picks one of many such orders.
  init?(_ space: SearchSpace, seed: UInt64) {
    var radices: [(parameter: Int, radix: UInt64)] = []
    for (i, parameter) in space.parameters.enumerated() {
      guard let count = parameter.cardinality else { return nil }
      if count > 1 { radices.append((i, UInt64(count))) }
    }
    radices.sort { $0.radix != $1.radix ? $0.radix > $1.radix : $0.parameter < $1.parameter }
    var weight: UInt64? = 1
    var digits: [Digit] = []
    for (dimension, entry) in radices.enumerated() {
      var random = RandomSource(seed: seed, purpose: "grid order", index: UInt64(dimension))
      digits.append(
        Digit(
          parameter: entry.parameter, radix: entry.radix, weight: weight, seed: random.next()))
      weight = weight.flatMap {
        let (product, overflow) = $0.multipliedReportingOverflow(by: entry.radix)
        return overflow ? nil : product
      }
    }
    count = weight
    parameterCount = space.dimension
    self.digits = digits
    sequence = SobolSequence(dimension: digits.count, seed: seed)
  }

  /// The coordinates of point `index`.
  /// - Precondition: `index < count`.
  func point(at index: UInt64) -> [Double] {
    var point = [Double](repeating: 0, count: parameterCount)
    for (dimension, digit) in digits.enumerated() {
      let (d, faster) = digit.weight.map { (index / $0 % digit.radix, index % $0) } ?? (0, index)
      let value = digit.spread(d) + offset(dimension, faster)
      point[digit.parameter] = Double(value % digit.radix)
    }
    return point
  }

  /// The index of a point given by coordinates; nil when it exceeds 64 bits.
  func index(of point: [Double]) -> UInt64? {
    var index: UInt64 = 0
    for (dimension, digit) in digits.enumerated() {
      let shifted = UInt64(point[digit.parameter]) + digit.radix - offset(dimension, index)
      let d = digit.gathered(shifted % digit.radix)
      guard d > 0 else { continue }
      guard let weight = digit.weight else { return nil }
      let (product, overflow) = d.multipliedReportingOverflow(by: weight)
      let (sum, carry) = index.addingReportingOverflow(product)
      guard !overflow, !carry else { return nil }
      index = sum
    }
    return index
  }

  /// floor(n · u(j)).
  private func offset(_ dimension: Int, _ j: UInt64) -> UInt64 {
    // The fastest digit is the sequence's first dimension already.
    guard dimension > 0 else { return 0 }
    // The point whose Gray code is j.
    var index = j
    for shift: UInt64 in [1, 2, 4, 8, 16, 32] { index ^= index >> shift }
    let radix = digits[dimension].radix
    return min(UInt64(sequence.coordinate(dimension, at: index) * Double(radix)), radix - 1)
  }
}

extension GridSearchOrder.Digit {
  /// Value number d of 0 ..< radix, dealt out to halves of halves; `gathered` is its inverse.
  fileprivate func spread(_ d: UInt64) -> UInt64 {
    var part = Part(low: 0, length: radix)
    var rest = d
    while part.length > 1 {
      let halves = part.halves(seed: seed)
      part = rest % 2 == 0 ? halves.even : halves.odd
      rest /= 2
    }
    return part.low
  }

  fileprivate func gathered(_ value: UInt64) -> UInt64 {
    var part = Part(low: 0, length: radix)
    var (d, bit): (UInt64, UInt64) = (0, 1)
    while part.length > 1 {
      let halves = part.halves(seed: seed)
      let isEven = halves.even.contains(value)
      if !isEven { d |= bit }
      part = isEven ? halves.even : halves.odd
      bit <<= 1
    }
    return d
  }
}

/// A run of values: `low ..< low + length`.
private struct Part {
  var low: UInt64
  var length: UInt64

  func contains(_ value: UInt64) -> Bool { value >= low && value - low < length }

  /// The halves that take the even and the odd numbers. Of an odd length the even numbers, being
  /// one more, take the longer half; which side that is, is drawn.
  func halves(seed: UInt64) -> (even: Part, odd: Part) {
    let longer = (length + 1) / 2
    let shorter = length / 2
    let coin = RandomSource.mix(seed ^ RandomSource.mix(low) &+ length)
    if coin & 1 == 0 {
      return (Part(low: low, length: longer), Part(low: low + longer, length: shorter))
    }
    return (Part(low: low + shorter, length: longer), Part(low: low, length: shorter))
  }
}
