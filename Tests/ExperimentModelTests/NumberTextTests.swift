// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

@testable import ExperimentModel

@Suite struct NumberTextTests {
  @Test(arguments: [
    "", " ", "\t\n", "+", "-", ".", "+.", "-.", "e", "e5", ".e5", "1e", "1e+", "1e-", "1e5.5",
    "1e5e5", "1.2.3", "..1", "--1", "+-1", "1-", "1+", "- 1", "1 2", "1 e5", "1,5", "1_000",
    "0x10", "0x1p3", "0b1", "1f", "1d", "1L", "nan", "NaN", "inf", "-inf", "Infinity", "∞", "abc",
    "1a", "a1", "１", "1\u{0}", "\u{0}1", "1e400", "-1e400", "1.8e308", "unavailable", "true", "[1]",
    "1e99999999999999999999", "None", "null", "½", "1\u{a0}", "1٫5",
  ])
  func whatIsNoNumberIsNil(_ text: String) {
    #expect(NumberText.parse(text) == nil)
  }

  @Test(arguments: [
    ("0", 0.0), ("-0", 0.0), ("+1", 1.0), ("1.", 1.0), (".5", 0.5), ("-.5e1", -5.0), ("1E3", 1e3),
    ("1e+3", 1e3), ("1e-3", 1e-3), (" 7\n", 7.0), ("\t7\r", 7.0), ("007", 7.0), ("0.10", 0.1),
    ("1e-400", 0.0), ("0e400", 0.0), ("5e-324", 0x1p-1074), ("2e-324", 0.0), ("3e-324", 0x1p-1074),
    ("1.7976931348623157e308", 1.7976931348623157e308),
    ("9007199254740993", 9_007_199_254_740_992.0),
    ("9007199254740993.0000000000000000000001", 9_007_199_254_740_994.0), ("1e22", 1e22),
    ("1e23", 1e23), ("8.98846567431158e307", 8.98846567431158e307),
    ("2.2250738585072011e-308", Double.leastNormalMagnitude.nextDown),
    ("0e99999999999999999999", 0.0),
    ("1e-99999999999999999999", 0.0),
  ])
  func whatIsANumberIsRead(_ text: String, _ value: Double) {
    #expect(NumberText.parse(text) == value)
  }

  /// Long runs of zeros, which carry digits far away from the point.
  @Test func longTextsAreRead() {
    let zeros = String(repeating: "0", count: 400)
    #expect(NumberText.parse("0." + zeros + "1e401") == 1)
    #expect(NumberText.parse("1" + zeros + "e-400") == 1)
    #expect(NumberText.parse(zeros + "1") == 1)
    #expect(NumberText.parse(String(repeating: "9", count: 1_000)) == nil)
    #expect(NumberText.parse("0." + String(repeating: "9", count: 100_000)) == 1)
  }

  /// The C library rounds correctly; so must every shortcut.
  @Test func readsWhatStrtodReads() {
    var random = RandomSource(seed: 1, purpose: "numbers")
    func digits(_ count: Int) -> String {
      String((0..<count).map { _ in Character("\(random.uniform(below: 10))") })
    }
    func text(_ kind: Int) -> String {
      switch kind {
      case 0:  // few digits, small exponents: the fast path
        return digits(1 + random.uniform(below: 8)) + "." + digits(random.uniform(below: 9))
      case 1:  // all lengths, all exponents
        let exponent = random.uniform(below: 660) - 340
        return digits(1 + random.uniform(below: 25)) + "." + digits(random.uniform(below: 25))
          + "e\(exponent)"
      case 2:  // around the limits of the fast path
        return digits(14 + random.uniform(below: 6)) + "e\(random.uniform(below: 50) - 25)"
      case 3:  // subnormal
        return digits(1) + "." + digits(1 + random.uniform(below: 20))
          + "e-\(305 + random.uniform(below: 22))"
      case 4:  // any double, written shortest
        let value = Double(bitPattern: random.next())
        return value.isFinite ? "\(value)" : "0"
      default:  // halfway between two doubles, and a hair beside
        let low = (1 << 53) + random.uniform(below: 1 << 53) / 2 * 2
        return "\(low + 1)" + ["", ".0", ".000000000000000001", "e0"][random.uniform(below: 4)]
      }
    }
    for i in 0..<100_000 {
      var text = text(i % 6)
      if i % 5 == 0, !text.hasPrefix("-") { text = "-" + text }
      let expected = strtod(text, nil)
      let read = NumberText.parse(text)
      if expected.isFinite {
        guard read?.bitPattern == expected.bitPattern else {
          Issue.record("seed 1, number \(i): \(text) read as \(read ?? .nan), not \(expected)")
          return
        }
      } else {
        #expect(read == nil, "seed 1, number \(i): \(text)")
      }
    }
  }

  @Test func whatIsWrittenReadsBack() {
    var random = RandomSource(seed: 2, purpose: "numbers")
    for i in 0..<50_000 {
      var value = Double(bitPattern: random.next())
      if i % 2 == 0 { value = random.uniform() * 100 }
      guard value.isFinite else { continue }
      let text = NumberText.text(value)
      guard NumberText.parse(text) == value, text.contains(where: { ".e".contains($0) }) else {
        Issue.record("seed 2, number \(i): \(value) written as \(text)")
        return
      }
    }
  }

  @Test(arguments: [
    (0.1, "0.1"), (1, "1.0"), (-0.0, "0.0"), (0.30000000000000004, "0.30000000000000004"),
    (1e16, "1e+16"), (0.001, "0.001"), (1e-5, "1e-05"), (0x1p-1074, "5e-324"),
  ])
  func numbersAreWrittenShortest(_ value: Double, _ text: String) {
    #expect(NumberText.text(value) == text)
  }

  @Test(arguments: [
    ("3", 3), ("3.0", 3), ("1e3", 1000), ("-0", 0), ("9007199254740992", 1 << 53),
    ("-9007199254740992", -(1 << 53)), ("2.5e1", 25),
  ])
  func wholeNumbers(_ text: String, _ value: Int) {
    #expect(NumberText.parseWhole(text) == value)
  }

  @Test(arguments: ["3.5", "1e-3", "9007199254740994", "1e300", "x", ""])
  func whatIsNoWholeNumber(_ text: String) {
    #expect(NumberText.parseWhole(text) == nil)
  }
}
