// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser

/// A whole number that a flag or its twin may set. Parsing, checking, defaults and help all read
/// this one row.
package struct WholeNumber: Sendable {
  private let twin: Twin
  private let range: ClosedRange<Int>
  private let fallback: Int

  /// - Parameter fallback: the value without flag and variable.
  package init(_ twin: Twin, _ range: ClosedRange<Int>, default fallback: Int) {
    self.twin = twin
    self.range = range
    self.fallback = fallback
  }

  private var valid: String {
    "a whole number from \(range.lowerBound) to \(range.upperBound)"
  }

  /// - Parameters:
  ///   - summary: what the number is, without a full stop.
  ///   - note: whole sentences about it.
  package func help(_ summary: String, note: String = "") -> ArgumentHelp {
    let bounds = "from \(range.lowerBound) to \(range.upperBound)."
    return twin.help("\(summary), \(bounds)\(note.isEmpty ? "" : " " + note)", "\(fallback)")
  }

  /// The flag, or else the variable, or else the default.
  /// - Throws: `ValidationError` naming the flag or variable, the value and what would be right.
  package func value(flag: Int?) throws -> Int {
    guard let value = try flag ?? twin.read({ Int($0) }, valid: valid) else { return fallback }
    return try checked(value, from: twin.source(isFlag: flag != nil))
  }

  /// - Parameter source: how a message names where the value came from.
  /// - Throws: `ValidationError` when the value is out of range.
  package func checked(_ value: Int, from source: String) throws -> Int {
    guard range.contains(value) else {
      throw ValidationError("\(source) is \(value), it must be \(valid)")
    }
    return value
  }
}
