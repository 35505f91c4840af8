// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Glibc

/// The environment variable that stands in for a flag.
enum Twin: String {
  case listen = "LISTEN"
  case logLevel = "LOG_LEVEL"
  case logFormat = "LOG_FORMAT"
  case workers = "WORKERS"
  case queueDepth = "QUEUE_DEPTH"
  case maxMessageBytes = "MAX_MESSAGE_BYTES"
  case grace = "GRACE"
  case namespace = "NAMESPACE"
  case dataDirectory = "DATA_DIRECTORY"

  var variable: String { "KATIB_SUGGESTION_" + rawValue }

  /// The variable's text; nil when unset or empty.
  var value: String? {
    guard let text = getenv(variable).map({ String(cString: $0) }), !text.isEmpty else {
      return nil
    }
    return text
  }

  /// - Throws: `ValidationError` when the variable is set to something else.
  func read<Value>(_ parse: (String) -> Value?, valid: String) throws -> Value? {
    guard let text = value else { return nil }
    guard let value = parse(text) else {
      throw ValidationError("\(variable) is \"\(text)\", it must be \(valid)")
    }
    return value
  }

  func help(_ summary: String, _ fallback: String) -> ArgumentHelp {
    let spelling = self == .listen ? "\(variable)=host:port" : variable
    return ArgumentHelp("\(summary) (\(spelling); default: \(fallback))")
  }

  /// How a message names where a value came from.
  func source(isFlag: Bool) -> String {
    guard isFlag else { return variable }
    return "--" + rawValue.lowercased().map { $0 == "_" ? "-" : String($0) }.joined()
  }
}
