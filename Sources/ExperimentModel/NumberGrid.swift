// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The values min, min + step, min + 2 step, ... up to max, without enumerating them.
///
/// Bounds and step are decimal texts, and decimal texts are exact: 0.1 + 2 · 0.1 must go out as
/// 0.3. So the grid counts in integers of a common power of ten (128 bits wide) and divides once
/// at the end, which rounds correctly. Inputs too long for that (or bounds many powers of ten apart)
/// fall back to doubles, rounded once.
public struct NumberGrid: Sendable, Equatable {
  /// How many values there are, at least 1 and at most 2^53.
  public let count: Int
  public let minimum: Double
  public let maximum: Double
  public let step: Double
  /// True when every value is a whole number and goes out without a decimal point.
  public let isInteger: Bool
  private let exact: Exact?

  /// Integers of 10^exponent.
  private struct Exact: Sendable, Equatable {
    var minimum: Int128
    var step: Int128
    var exponent: Int
  }

  /// The most values that an index, carried as a double, can tell apart.
  static let mostValues = 0x1p53

  /// - Returns: nil when the grid has more than 2^53 values.
  init?(minimum: DecimalText, maximum: DecimalText, step: DecimalText, isInteger: Bool) {
    self.minimum = minimum.value
    self.maximum = maximum.value
    self.step = step.value
    self.isInteger = isInteger
    let steps: Double
    if let aligned = DecimalText.aligned([minimum, maximum, step]) {
      let width = aligned.mantissas[1] - aligned.mantissas[0]
      let stride = aligned.mantissas[2]
      // A max that misses the last value by a billionth of a step was meant to include it.
      // Below 2^62, as aligned mantissas are below 2^60. Through 64 bits: see `DecimalText.value`.
      steps = Double(Int64((width + stride / 1_000_000_000) / stride))
      exact = Exact(minimum: aligned.mantissas[0], step: stride, exponent: aligned.exponent)
    } else {
      steps = ((maximum.value - minimum.value) / step.value + 1e-9).rounded(.down)
      exact = nil
    }
    guard steps < NumberGrid.mostValues else { return nil }
    count = Int(steps) + 1
  }

  /// The value at `index`, 0 ..< count.
  public func value(at index: Int) -> Double {
    var value: Double
    if let exact {
      value = DecimalText.value(exact.minimum + Int128(index) * exact.step, exact.exponent)
    } else {
      // One rounding instead of two: the nearest double to what the bounds' doubles make.
      value = minimum.addingProduct(Double(index), step)
    }
    if isInteger { value = value.rounded() }
    return min(max(value, minimum), maximum)
  }

  /// The text of the value at `index`: whole numbers without a decimal point, others with the
  /// shortest digits that read back.
  public func text(at index: Int) -> String {
    let value = value(at: index)
    return isInteger ? String(Int(value)) : NumberText.text(value)
  }

  /// The index whose value lies nearest to `number`; numbers outside the grid give its ends, NaN
  /// the first.
  public func index(nearest number: Double) -> Int {
    guard !number.isNaN else { return 0 }
    let number = min(max(number, minimum), maximum)
    let near = Int(min(((number - minimum) / step).rounded(), Double(count - 1)))
    // Rounded integers of a fractional step can sit one cell beside the guess, at the ends too;
    // and the guess itself is rounded, which shows on very long grids.
    guard count > 1 << 32 || isInteger && step != step.rounded() else { return near }
    var (best, distance) = (near, abs(value(at: near) - number))
    for other in [near - 1, near + 1] where other >= 0 && other < count {
      let candidate = abs(value(at: other) - number)
      if candidate < distance { (best, distance) = (other, candidate) }
    }
    return best
  }
}

extension NumberGrid {
  /// The grid's own value where `number` is one but for binary noise, else `number` itself.
  func canonical(_ number: Double) -> Double {
    if number.isNaN || isInteger && number == number.rounded() { return number }
    let nearest = value(at: index(nearest: number))
    return abs(nearest - number) <= max(step * 1e-9, number.ulp * 4) ? nearest : number
  }
}

/// A decimal number kept both as a double and, where its digits fit, exactly.
struct DecimalText: Sendable {
  let value: Double
  private let mantissa: Int128?
  private let exponent: Int

  /// nil when `text` is not a finite decimal number.
  init?(_ text: String) {
    guard let value = NumberText.parse(text) else { return nil }
    self.value = value
    var text = text
    let scan = text.withUTF8 { bytes in
      DecimalScan(bytes).map { ($0.isNegative, $0.mantissa, $0.exponent, $0.digitsAreExact) }
    }
    guard let (isNegative, digits, power, isExact) = scan, isExact else {
      mantissa = nil
      exponent = 0
      return
    }
    var m = digits
    var e = power
    while m != 0, m % 10 == 0 {
      m /= 10
      e += 1
    }
    mantissa = isNegative ? -Int128(m) : Int128(m)
    exponent = m == 0 ? 0 : e
  }

  init(_ whole: Int) {
    value = Double(whole)
    mantissa = Int128(whole)
    exponent = 0
  }

  /// All numbers as integers of one power of ten, or nil when that needs more than 36 digits.
  static func aligned(_ numbers: [DecimalText]) -> (mantissas: [Int128], exponent: Int)? {
    let lowest = numbers.map(\.exponent).min() ?? 0
    var mantissas: [Int128] = []
    for number in numbers {
      guard var m = number.mantissa, number.exponent - lowest <= 18 else { return nil }
      for _ in lowest..<number.exponent {
        let (product, overflow) = m.multipliedReportingOverflow(by: 10)
        guard !overflow else { return nil }
        m = product
      }
      // Room for index times step: 2^53 steps of 2^60 stay below 2^127.
      guard m.magnitude < 1 << 60 else { return nil }
      mantissas.append(m)
    }
    return (mantissas, lowest)
  }

  /// ±mantissa · 10^exponent, correctly rounded.
  static func value(_ mantissa: Int128, _ exponent: Int) -> Double {
    // Through 64 bits: the conversion of wider integers costs as much as twenty of these.
    let narrow = Int64(truncatingIfNeeded: mantissa)
    if Int128(narrow) == mantissa, narrow.magnitude <= 1 << 53, abs(exponent) <= 22 {
      let power = NumberText.exactPowersOfTen[abs(exponent)]
      return exponent < 0 ? Double(narrow) / power : Double(narrow) * power
    }
    return NumberText.parse("\(mantissa)e\(exponent)") ?? Double(mantissa)
  }
}
