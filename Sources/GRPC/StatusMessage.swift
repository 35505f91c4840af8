// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The `grpc-message` trailer: UTF-8, percent-encoded outside printable ASCII (grpc
/// doc/PROTOCOL-HTTP2.md, "Responses").
enum StatusMessage {
  /// The bytes to send for `message`: at most `limit` bytes of it, cut between two characters
  /// before anything is escaped, so that no escape and no UTF-8 sequence is ever cut in half.
  static func encode(_ message: String, limit: Int) -> [UInt8] {
    var encoded: [UInt8] = []
    for byte in truncated(message.utf8, to: limit) {
      if byte >= 0x20 && byte <= 0x7e && byte != UInt8(ascii: "%") {
        encoded.append(byte)
      } else {
        encoded.append(UInt8(ascii: "%"))
        encoded.append(hexadecimal(byte >> 4))
        encoded.append(hexadecimal(byte & 15))
      }
    }
    return encoded
  }

  /// The message of a received trailer. Escapes that are none stay as they are, and bytes that are
  /// no UTF-8 are replaced: a bad message must not hide the status.
  static func decode(_ bytes: some Collection<UInt8>) -> String {
    let bytes = Array(bytes)
    var decoded: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let high = value(bytes[index + 1]), let low = value(bytes[index + 2])
      {
        decoded.append(high << 4 | low)
        index += 3
      } else {
        decoded.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private static func truncated(_ text: String.UTF8View, to limit: Int) -> Substring.UTF8View {
    guard text.count > limit else { return text[...] }
    var end = text.index(text.startIndex, offsetBy: max(0, limit))
    // A continuation byte (10xxxxxx) belongs to the character before it.
    while end > text.startIndex, text[end] & 0xc0 == 0x80 { end = text.index(before: end) }
    return text[..<end]
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8 {
    digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10
  }

  private static func value(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
