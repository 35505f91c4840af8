// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Glibc
import Testing

/// Numbers are rounded in 128-bit integers; strtod is the oracle.
@Suite struct NumberTextRoundingTests {
  /// A linear congruential generator (Knuth's MMIX constants): any seeded source will do here.
  private struct Digits {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }

    mutating func text(_ count: Int) -> String {
      (0..<count).map { _ in String(next(10)) }.joined()
    }
  }

  private func check(_ text: String, _ note: @autoclosure () -> String) {
    let expected = strtod(text, nil)
    let value = NumberText.parse(text)
    let isRight = expected.isFinite ? value?.bitPattern == expected.bitPattern : value == nil
    if !isRight { Issue.record("\(text) read as \(String(describing: value)), \(note())") }
  }

  @Test func agreesWithStrtod() {
    let seed: UInt64 = 3
    var digits = Digits(state: seed)
    for round in 0..<40_000 {
      let whole = digits.text(1 + digits.next(21))
      let point = digits.next(whole.count + 1)
      let text: String
      switch digits.next(3) {
      case 0: text = "-\(whole)e\(digits.next(61) - 30)"
      case 1: text = "\(whole.prefix(point)).\(whole.dropFirst(point))"
      default:
        // A double and a bit more: close to where rounding goes the other way.
        text = "\(Double(digits.next(1 << 30)) / 1_000_003)\(digits.next(1000))"
      }
      check(text, "seed \(seed), round \(round)")
    }
  }

  /// Halfway between two doubles, and one unit to either side.
  @Test func roundsTiesToEven() {
    for k in 0..<500 as Range<UInt64> {
      let tie = (1 << 53) + 1 + 2 * k
      for text in [
        "\(tie)", "\(tie)e3", "\(tie).0", "\(UInt64.max - k)", "\((1 << 62) + 256 + 512 * k)",
      ] {
        check(text, "tie \(k)")
      }
      for unit in [0, 1, 2] as [UInt64] { check("0.\((1 << 62) + 256 * k + unit)", "tie \(k)") }
    }
  }
}
