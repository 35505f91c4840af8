// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct UTF8CheckTests {
  private func check(_ bytes: [UInt8]) -> UTF8Check.Verdict {
    bytes.withUnsafeBufferPointer { UTF8Check.check($0) }
  }

  @Test(arguments: [
    "", "a", "learning_rate", "sieben", "achtacht", "über", "日本語", "🧪 and text", "\u{7ff}",
    "\u{800}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{d7ff}", "\u{e000}",
  ])
  func accepts(text: String) {
    #expect(check(Array(text.utf8)) == .fine)
  }

  @Test(
    arguments: [
      [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc3], [0xe0, 0x9f, 0xbf], [0xe2, 0x82],
      [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x9f, 0xa7],
      [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xfe], [0xff], [0xc3, 0x41],
      Array("twelve chars".utf8) + [0xff], [0xff] + Array("twelve chars".utf8),
    ] as [[UInt8]])
  func refuses(bytes: [UInt8]) {
    #expect(check(bytes) == .invalid)
  }

  @Test func findsNULWhereverItIs() {
    for count in 1...40 {
      for position in 0..<count {
        var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: count)
        bytes[position] = 0
        if check(bytes) != .containsNUL { Issue.record("\(position) of \(count)") }
      }
    }
  }

  /// The standard library is the oracle: random bytes, mostly near the edges of the ranges.
  @Test func agreesWithTheStandardLibrary() {
    let seed: UInt64 = 11
    var random = SeededRandom(seed)
    let edges: [UInt8] = [
      0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0,
      0xf4, 0xf5,
    ]
    for round in 0..<50_000 {
      let bytes = (0..<Int.random(in: 0...12, using: &random)).map { _ in
        edges[Int.random(in: 0..<edges.count, using: &random)]
      }
      let expected: UTF8Check.Verdict =
        String(validating: bytes, as: UTF8.self) == nil ? .invalid : .fine
      if check(bytes) != expected { Issue.record("seed \(seed), round \(round): \(bytes)") }
    }
  }
}
