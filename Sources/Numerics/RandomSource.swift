// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// A counter-based random source: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
/// numbers: as easy as 1, 2, 3", SC 2011).
///
/// The stream is a pure function of (seed, purpose, index). A stateless server needs exactly that:
/// the numbers behind suggestion 41 must not depend on whether this process, another replica or
/// nobody at all made suggestions 0 to 40. Streams of different purposes or indices share no
/// counter block, so none can run into another.
///
/// What surprises: there is no "seed the generator once and pass it on". Make a new source where a
/// new decision begins and name its purpose.
public struct RandomSource: RandomNumberGenerator, Sendable {
  private var key: (UInt32, UInt32)
  private var index: UInt64
  private var block: UInt64 = 0
  private var buffer: (UInt64, UInt64) = (0, 0)
  private var buffered = 0

  /// - Parameters:
  ///   - seed: the experiment's seed.
  ///   - purpose: names the decision, for example "sobol scramble" or "tpe candidates".
  ///   - index: the number of the decision, for example the position of a suggestion.
  public init(seed: UInt64, purpose: StaticString, index: UInt64 = 0) {
    // FNV-1a over the purpose, then one finaliser round with the seed: the key.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    purpose.withUTF8Buffer { bytes in
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }
    let mixed = RandomSource.mix(hash ^ RandomSource.mix(seed))
    key = (UInt32(truncatingIfNeeded: mixed), UInt32(truncatingIfNeeded: mixed >> 32))
    self.index = index
  }

  /// The 64-bit finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection that
  /// spreads every input bit over the whole word.
  public static func mix(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  public mutating func next() -> UInt64 {
    if buffered == 0 {
      let words = RandomSource.philox(
        counter: (
          UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
          UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32)
        ), key: key)
      block &+= 1
      buffer = (
        UInt64(words.0) | UInt64(words.1) << 32, UInt64(words.2) | UInt64(words.3) << 32
      )
      buffered = 2
    }
    buffered -= 1
    return buffered == 1 ? buffer.0 : buffer.1
  }

  /// Uniform on [0, 1): 53 random bits.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Uniform on the open interval (0, 1): never an end, so logarithms and quantiles are finite.
  public mutating func uniformOpen() -> Double {
    (Double(next() >> 12) + 0.5) * 0x1p-52
  }

  /// Uniform on 0 ..< bound, without modulo bias.
  /// - Precondition: `bound` is positive.
  public mutating func uniform(below bound: Int) -> Int {
    Int(next(upperBound: UInt64(bound)))
  }

  /// The ten-round Philox4x32 block function.
  /// - Returns: four words that are a bijection of the counter for every key.
  static func philox(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let product0 = UInt64(0xd251_1f53) * UInt64(c.0)
      let product1 = UInt64(0xcd9e_8d57) * UInt64(c.2)
      c = (
        UInt32(truncatingIfNeeded: product1 >> 32) ^ c.1 ^ k.0,
        UInt32(truncatingIfNeeded: product1),
        UInt32(truncatingIfNeeded: product0 >> 32) ^ c.3 ^ k.1,
        UInt32(truncatingIfNeeded: product0)
      )
      k = (k.0 &+ 0x9e37_79b9, k.1 &+ 0xbb67_ae85)
    }
    return c
  }
}
