// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KubernetesAPI

@Suite struct JSONValueTests {
  private func roundTrip(_ text: String) throws -> String {
    String(decoding: try JSONValue(parsing: Array(text.utf8)).serialized(), as: UTF8.self)
  }

  @Test(arguments: [
    #"{"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551615}"#,
    #"{"a":0.1,"b":1e-300,"c":123456789.125}"#, #"[true,false,null,"",[],{}]"#,
    #""quote \" backslash \\ slash / newline \n é 😀""#, #"{"0":"0","false":"false","null":"null"}"#,
    #"[0,1,-1]"#,
  ])
  func nothingChanges(text: String) throws {
    #expect(try roundTrip(text) == text)
  }

  @Test func integersStayIntegers() throws {
    #expect(try JSONValue(parsing: Array("1".utf8)) == .integer(1))
    #expect(try JSONValue(parsing: Array("0".utf8)) == .integer(0))
    #expect(try JSONValue(parsing: Array("1.5".utf8)) == .number(1.5))
    #expect(try JSONValue(parsing: Array("true".utf8)) == .bool(true))
    #expect(try JSONValue(parsing: Array(#""1""#.utf8)) == .string("1"))
  }

  @Test(arguments: ["", "{", "{a:1}", "1 2", "nul"])
  func whatIsNoJSONIsRefused(text: String) {
    #expect(throws: (any Error).self) { try JSONValue(parsing: Array(text.utf8)) }
  }
}
