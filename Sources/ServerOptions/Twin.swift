// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
internal import Glibc

/// An environment variable that stands in for a flag.
package struct Twin: Sendable {
  /// The flag without its dashes.
  package let flag: String
  package let variable: String
  /// How help spells the variable.
  private let spelling: String

  /// - Parameters:
  ///   - form: what the value looks like, where the variable takes another form than the flag.
  package init(flag: String, variable: String, form: String? = nil) {
    self.flag = flag
    self.variable = variable
    spelling = form.map { "\(variable)=\($0)" } ?? variable
  }

  /// The variable's text; nil when unset or empty.
  package var value: String? {
    guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else {
      return nil
    }
    return text
  }

  /// - Throws: `ValidationError` when the variable is set to something else.
  package func read<Value>(_ parse: (String) -> Value?, valid: String) throws -> Value? {
    guard let text = value else { return nil }
    guard let value = parse(text) else {
      throw ValidationError("\(variable) is \"\(text)\", it must be \(valid)")
    }
    return value
  }

  package func help(_ summary: String, _ fallback: String) -> ArgumentHelp {
    ArgumentHelp("\(summary) (\(spelling); default: \(fallback))")
  }

  /// How a message names where a value came from.
  package func source(isFlag: Bool) -> String { isFlag ? "--\(flag)" : variable }
}
