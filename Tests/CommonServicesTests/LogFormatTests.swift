// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Logging
import TestSupport
import Testing

@testable import CommonServices

@Suite struct LogFormatTests {
  private func line(_ format: LineLogHandler.Format, _ value: String) -> String {
    let lines = LineLog()
    let logger = Logger(label: "test") { _ in
      LineLogHandler(format: format, level: .info) { lines.append($0) }
    }
    logger.info("event", metadata: ["key": "\(value)", "a": "1"])
    logger.debug("hidden")
    #expect(lines.all.count == 1)
    return lines.all.first ?? ""
  }

  @Test func textLinesAreSortedAndQuotedWhereNeeded() {
    #expect(line(.text, "plain").hasSuffix("Z info event a=1 key=plain\n"))
    #expect(line(.text, "two words").hasSuffix(" key=\"two words\"\n"))
    #expect(line(.text, "").hasSuffix(" key=\"\"\n"))
  }

  /// A user's text (an Experiment's name, a setting) must not forge a log line.
  @Test(arguments: ["a\nb", "a\r\nb", "a\"b", "a\u{1}b", "back\\slash"])
  func foreignTextCannotBreakOutOfItsLine(value: String) {
    for format in LineLogHandler.Format.allCases {
      let line = line(format, value)
      #expect(line.utf8.filter { $0 < 0x20 }.count == 1 && line.utf8.last == 0x0a, "\(line)")
    }
  }

  @Test func jsonStringsAreEscaped() {
    #expect(LineLogHandler.json("a\"\\\n\t\u{2}é") == "\"a\\\"\\\\\\n\\t\\u0002é\"")
  }
}
