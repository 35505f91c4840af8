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
  /// Up to 19 digits and a power of ten of up to 19 places, which is what anybody writes, are
  /// scaled in 128-bit integers and rounded once; everything else is left to strtod.
  public static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
    guard let scan = DecimalScan(bytes) else { return nil }
    if scan.digitsAreExact, let magnitude = scaled(scan.mantissa, scan.exponent) {
      return scan.isNegative ? -magnitude : magnitude
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
    (value == 0 ? 0 : value).description
  }

  /// mantissa · 10^exponent, correctly rounded; nil when |exponent| > 19.
  ///
  /// Clinger's observation ("How to read floating point numbers accurately", PLDI 1990) is that
  /// one operation on exact operands rounds correctly. With digits and power below 2^64 a product
  /// of 128 bits is exact, and so is a quotient of at least 62 bits with its remainder. The bits
  /// that a double cannot hold only matter as "something is left", which one bit can say; then
  /// the conversion to double is the one rounding, and the power of two is exact.
  private static func scaled(_ mantissa: UInt64, _ exponent: Int) -> Double? {
    guard exponent >= -19, exponent <= 19 else { return mantissa == 0 ? 0 : nil }
    let power = powersOfTen[abs(exponent)]
    if mantissa <= 1 << 53, power <= 1 << 53 {
      let (digits, scale) = (Double(mantissa), Double(power))
      return exponent < 0 ? digits / scale : digits * scale
    }
    if exponent >= 0 {
      let (high, low) = mantissa.multipliedFullWidth(by: power)
      guard high > 0 else { return Double(low) }
      let shift = high.leadingZeroBitCount
      let top = shift == 0 ? high : high << shift | low >> (64 - shift)
      let rest: UInt64 = low << shift == 0 ? 0 : 1
      return Double(top | rest) * Double(sign: .plus, exponent: 64 - shift, significand: 1)
    }
    // Both as 1.xxx: the quotient lies between 2^62 and 2^64.
    let digitShift = mantissa.leadingZeroBitCount
    let powerShift = power.leadingZeroBitCount
    let digits = mantissa << digitShift
    let (quotient, remainder) =
      (power << powerShift).dividingFullWidth((digits >> 1, digits << 63))
    let rest: UInt64 = remainder == 0 ? 0 : 1
    return Double(quotient | rest)
      * Double(sign: .plus, exponent: powerShift - digitShift - 63, significand: 1)
  }

  private static let powersOfTen: [UInt64] = (0...19).map { places in
    (0..<places).reduce(1) { power, _ in power * 10 }
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
    guard let afterDigits = readDigits(bytes, from: i, to: end) else { return nil }
    i = afterDigits
    if i < end {
      guard bytes[i] | 0x20 == UInt8(ascii: "e"), readExponent(bytes, from: i + 1, to: end) else {
        return nil
      }
    }
  }

  /// Digits with at most one point among them; nil when there is no digit.
  private mutating func readDigits(
    _ bytes: UnsafeBufferPointer<UInt8>, from first: Int, to end: Int
  ) -> Int? {
    var i = first
    var value: UInt64 = 0
    /// Digits behind leading zeros: 19 of them always fit into 64 bits.
    var significant = 0
    var point = -1
    var places = 0
    while i < end {
      let digit = bytes[i] &- UInt8(ascii: "0")
      if digit <= 9 {
        if significant < 19 {
          value = value &* 10 &+ UInt64(digit)
          if value != 0 { significant += 1 }
          if point >= 0 { places -= 1 }
        } else {
          // The value is then strtod's business; only the syntax still matters.
          digitsAreExact = false
        }
      } else if bytes[i] == UInt8(ascii: "."), point < 0 {
        point = i
      } else {
        break
      }
      i += 1
    }
    mantissa = value
    exponent = places
    return i - first > (point < 0 ? 0 : 1) ? i : nil
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
