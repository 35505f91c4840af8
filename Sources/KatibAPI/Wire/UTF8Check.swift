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
    if isPlainASCII(bytes) { return .fine }
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

  /// True when every byte is ASCII and none is NUL: nearly every text of ours, eight at a time.
  private static func isPlainASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let count = bytes.count
    guard count >= 8 else { return bytes.allSatisfy { $0 != 0 && $0 < 0x80 } }
    let raw = UnsafeRawBufferPointer(bytes)
    var flags: UInt64 = 0
    func look(at offset: Int) {
      let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      // Subtracting one from each byte sets its high bit if it was zero, or high before.
      flags |= word | (word &- 0x0101_0101_0101_0101)
    }
    var i = 0
    while i + 8 <= count {
      look(at: i)
      i += 8
    }
    look(at: count - 8)
    return flags & 0x8080_8080_8080_8080 == 0
  }

  /// The index of the first byte at or after `start` that is NUL or not ASCII.
  private static func skipPlainASCII(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int {
    var i = start
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
