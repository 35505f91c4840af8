// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Checks what proto3 demands of a string, and what C strings demand on top.
enum UTF8Check {
  enum Verdict {
    case fine, invalid, containsNUL
  }

  /// Well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms, nothing above
  /// U+10FFFF) without a NUL, which would end the text early once it is a C string.
  static func check(_ bytes: UnsafeBufferPointer<UInt8>) -> Verdict {
    var i = 0
    while true {
      i = skipPlainASCII(bytes, from: i)
      guard i < bytes.count else { return .fine }
      if bytes[i] == 0 { return .containsNUL }
      let length = sequenceLength(bytes, at: i)
      guard length > 0 else { return .invalid }
      i += length
    }
  }

  /// The index of the first byte at or after `start` that is NUL or not ASCII.
  private static func skipPlainASCII(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int {
    let raw = UnsafeRawBufferPointer(bytes)
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highBits: UInt64 = 0x8080_8080_8080_8080
    var i = start
    while i + 8 <= raw.count {
      let word = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      // Subtracting one from each byte sets its high bit if it was zero, or high before.
      guard (word | (word &- ones)) & highBits == 0 else { break }
      i += 8
    }
    while i < bytes.count, bytes[i] != 0, bytes[i] < 0x80 { i += 1 }
    return i
  }

  /// The length of the well-formed sequence of two to four bytes at `i`, or 0.
  private static func sequenceLength(_ bytes: UnsafeBufferPointer<UInt8>, at i: Int) -> Int {
    let first = bytes[i]
    let length: Int
    // The range of the second byte is what shuts out overlong forms and surrogates.
    var second: ClosedRange<UInt8> = 0x80...0xbf
    switch first {
    case 0x01...0x7f: return 1
    case 0xc2...0xdf: length = 2
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xe1...0xef: length = 3
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    case 0xf1...0xf3: length = 4
    default: return 0
    }
    guard i + length <= bytes.count, second.contains(bytes[i + 1]) else { return 0 }
    for k in (i + 2)..<max(i + 2, i + length) where bytes[k] & 0xc0 != 0x80 { return 0 }
    return length
  }
}
