// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Numbers as Katib writes them: every bound, assignment and metric travels as text.
///
/// Read: decimal notation with an optional exponent, blanks around it, nothing else. No
/// hexadecimal, no underscores: what Go and Python both accept. `nan`, `inf` and words are not
/// numbers here; the caller decides what their absence means.
/// Written: the shortest digits that read back to the same value.
public enum NumberText {
  /// The value of `bytes`, or nil when they are not a finite decimal number.
  ///
  /// Up to 19 digits go through Clinger's exact fast path ("How to read floating point numbers
  /// accurately", PLDI 1990): both the digits and the power of ten are exact doubles, so the one
  /// multiplication or division is correctly rounded. Everything else is left to strtod.
  public static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    guard let scan = DecimalScan(bytes) else { return nil }
    if scan.digitsAreExact, scan.mantissa <= 1 << 53, abs(scan.exponent) <= 22 {
      let power = exactPowersOfTen[abs(scan.exponent)]
      let magnitude = Double(scan.mantissa)
      let value = scan.exponent < 0 ? magnitude / power : magnitude * power
      return scan.isNegative ? -value : value
    }
    let value = withUnsafeTemporaryAllocation(of: CChar.self, capacity: scan.text.count + 1) {
      buffer -> Double in
      for (i, byte) in scan.text.enumerated() { buffer[i] = CChar(bitPattern: byte) }
      buffer[scan.text.count] = 0
      guard let start = buffer.baseAddress else { return .nan }
      return strtod(start, nil)
    }
    return value.isFinite ? value : nil
  }

  public static func parse(_ text: String) -> Double? {
    var text = text
    return text.withUTF8 { parse($0) }
  }

  /// A whole number, also when written as "3.0" or "1e3"; nil when it has a fraction, is no
  /// number, or lies outside ±2^53, where doubles stop telling neighbours apart.
  public static func parseWhole(_ text: String) -> Int? {
    guard let value = parse(text), value == value.rounded(), abs(value) <= 0x1p53 else {
      return nil
    }
    return Int(value)
  }

  /// The shortest text that reads back to `value`, always with a decimal point or an exponent, so
  /// that nothing downstream takes a double for an integer.
  public static func text(_ value: Double) -> String {
    "\(value == 0 ? 0 : value)"
  }

  static let exactPowersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}

/// Sign, digits and exponent of a decimal text: value = ±mantissa · 10^exponent.
struct DecimalScan {
  var isNegative = false
  var mantissa: UInt64 = 0
  var exponent = 0
  /// False when there were more significant digits than the mantissa holds.
  var digitsAreExact = true
  /// The text without the blanks around it.
  var text: Slice<UnsafeBufferPointer<UInt8>>

  init?(_ bytes: UnsafeBufferPointer<UInt8>) {
    var start = bytes.startIndex
    var end = bytes.endIndex
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }
    while start < end, isBlank(bytes[start]) { start += 1 }
    while end > start, isBlank(bytes[end - 1]) { end -= 1 }
    text = bytes[start..<end]

    var i = start
    if i < end, bytes[i] == UInt8(ascii: "-") || bytes[i] == UInt8(ascii: "+") {
      isNegative = bytes[i] == UInt8(ascii: "-")
      i += 1
    }
    var digits = 0
    var sawPoint = false
    while i < end {
      let byte = bytes[i]
      if byte == UInt8(ascii: "."), !sawPoint {
        sawPoint = true
      } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        digits += 1
        append(digit: UInt64(byte - UInt8(ascii: "0")), afterPoint: sawPoint)
      } else {
        break
      }
      i += 1
    }
    guard digits > 0 else { return nil }
    if i < end {
      guard bytes[i] | 0x20 == UInt8(ascii: "e"), readExponent(bytes, from: i + 1, to: end) else {
        return nil
      }
    }
  }

  private mutating func append(digit: UInt64, afterPoint: Bool) {
    let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
    let (sum, carry) = product.addingReportingOverflow(digit)
    if digitsAreExact, !overflow, !carry {
      mantissa = sum
      if afterPoint { exponent -= 1 }
    } else {
      // The value is then strtod's business; only "is this zero" and the syntax still matter.
      digitsAreExact = false
      if !afterPoint { exponent += 1 }
    }
  }

  private mutating func readExponent(
    _ bytes: UnsafeBufferPointer<UInt8>, from first: Int, to end: Int
  ) -> Bool {
    var i = first
    var isNegativeExponent = false
    if i < end, bytes[i] == UInt8(ascii: "-") || bytes[i] == UInt8(ascii: "+") {
      isNegativeExponent = bytes[i] == UInt8(ascii: "-")
      i += 1
    }
    guard i < end else { return false }
    var value = 0
    while i < end {
      guard bytes[i] >= UInt8(ascii: "0"), bytes[i] <= UInt8(ascii: "9") else { return false }
      // Past this every double is zero or infinite; stop before the counter overflows.
      if value < 1_000_000 { value = value * 10 + Int(bytes[i] - UInt8(ascii: "0")) }
      i += 1
    }
    exponent += isNegativeExponent ? -value : value
    return true
  }
}
