// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Numerics

@Suite struct RandomSourceTests {
  /// The known-answer vectors that the authors of Philox publish with Random123 (philox4x32, 10).
  @Test func philoxAnswersItsPublishedVectors() {
    let zero = RandomSource.philox(counter: (0, 0, 0, 0), key: (0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = RandomSource.philox(
      counter: (.max, .max, .max, .max), key: (.max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = RandomSource.philox(
      counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344),
      key: (0xa409_3822, 0x299f_31d0))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func streamsDependOnSeedPurposeAndIndexAndOnNothingElse() {
    func first(_ seed: UInt64, _ purpose: StaticString, _ index: UInt64) -> [UInt64] {
      var source = RandomSource(seed: seed, purpose: purpose, index: index)
      return (0..<5).map { _ in source.next() }
    }
    #expect(first(1, "a", 2) == first(1, "a", 2))
    let streams = [first(1, "a", 2), first(2, "a", 2), first(1, "b", 2), first(1, "a", 3)]
    #expect(Set(streams.flatMap { $0 }).count == 20)
  }

  @Test func uniformFillsTheUnitIntervalEvenly() {
    var source = RandomSource(seed: 7, purpose: "test")
    var bins = [Int](repeating: 0, count: 10)
    for _ in 0..<100_000 {
      let u = source.uniform()
      #expect(u >= 0 && u < 1)
      bins[Int(u * 10)] += 1
    }
    // Binomial(100000, 0.1): five standard deviations are 474.
    #expect(bins.allSatisfy { abs($0 - 10_000) < 474 }, "\(bins)")
  }
}
