// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Logging

/// One line per event on standard error, for people or for machines.
public struct LineLogHandler: LogHandler {
  public enum Format: String, CaseIterable, Sendable {
    /// `2026-01-02T15:04:05.678Z info GetSuggestions algorithm=tpe count=1 ...`
    case text
    /// One JSON object per line, with `time`, `level`, `message` and the metadata as text.
    case json
  }

  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let format: Format
  private let write: @Sendable (String) -> Void

  /// - Parameter write: receives one whole line with its line feed.
  public init(
    format: Format, level: Logger.Level, write: @escaping @Sendable (String) -> Void
  ) {
    self.format = format
    logLevel = level
    self.write = write
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var fields = metadata.merging(event.metadata ?? [:]) { $1 }
    if let error = event.error { fields["error"] = "\(error)" }
    let pairs = fields.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    write(format.line(level: event.level, message: "\(event.message)", fields: pairs))
  }
}

extension LineLogHandler.Format {
  /// One line, with its line feed, that bears the present time.
  func line(level: Logger.Level, message: String, fields: [(String, String)]) -> String {
    let time = LineLogHandler.now()
    switch self {
    case .text:
      var line = "\(time) \(level) \(LineLogHandler.oneLine(message))"
      for (key, value) in fields {
        line += " \(key)=\(LineLogHandler.needsQuotes(value) ? LineLogHandler.json(value) : value)"
      }
      return line + "\n"
    case .json:
      var line = "{\"time\":\"\(time)\",\"level\":\"\(level)\""
      line += ",\"message\":\(LineLogHandler.json(message))"
      for (key, value) in fields {
        line += ",\(LineLogHandler.json(key)):\(LineLogHandler.json(value))"
      }
      return line + "}\n"
    }
  }
}

extension LineLogHandler {
  fileprivate static func needsQuotes(_ value: String) -> Bool {
    value.isEmpty || value.utf8.contains { $0 <= 0x20 || $0 == 0x22 || $0 == 0x3d || $0 == 0x7f }
  }

  fileprivate static func oneLine(_ text: String) -> String {
    text.utf8.contains { $0 < 0x20 } ? json(text) : text
  }

  /// A JSON string literal: foreign text cannot break out of its line.
  static func json(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": literal += "\\\""
      case "\\": literal += "\\\\"
      case "\n": literal += "\\n"
      case "\t": literal += "\\t"
      case "\r": literal += "\\r"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let hex = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }

  /// UTC with milliseconds.
  fileprivate static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var parts = tm()
    gmtime_r(&time.tv_sec, &parts)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return padded(Int(parts.tm_year) + 1900, 4) + "-" + padded(Int(parts.tm_mon) + 1, 2) + "-"
      + padded(Int(parts.tm_mday), 2) + "T" + padded(Int(parts.tm_hour), 2) + ":"
      + padded(Int(parts.tm_min), 2) + ":" + padded(Int(parts.tm_sec), 2) + "."
      + padded(time.tv_nsec / 1_000_000, 3) + "Z"
  }
}
