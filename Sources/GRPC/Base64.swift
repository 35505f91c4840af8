// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Base64 (RFC 4648 section 4) as gRPC metadata uses it: written without padding, read with or
/// without it.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var encoded: [UInt8] = []
    encoded.reserveCapacity((bytes.count * 4 + 2) / 3)
    var group: UInt32 = 0
    var bits: UInt32 = 0
    for byte in bytes {
      group = (group << 8 | UInt32(byte)) & 0xffff
      bits += 8
      while bits >= 6 {
        bits -= 6
        encoded.append(alphabet[Int(group >> bits & 63)])
      }
    }
    if bits > 0 { encoded.append(alphabet[Int(group << (6 - bits) & 63)]) }
    return encoded
  }

  /// - Returns: nil when a character is outside the alphabet, the padding is wrong, or the length
  ///   is one no encoder makes. Bits left over in the last character are ignored, as other
  ///   implementations do.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.count * 3 / 4)
    var group: UInt32 = 0
    var bits: UInt32 = 0
    var digits = 0
    var padding = 0
    for character in text {
      if character == UInt8(ascii: "=") {
        padding += 1
        continue
      }
      guard padding == 0, let digit = value(character) else { return nil }
      group = (group << 6 | UInt32(digit)) & 0xffff
      digits += 1
      bits += 6
      if bits >= 8 {
        bits -= 8
        decoded.append(UInt8(truncatingIfNeeded: group >> bits))
      }
    }
    guard digits % 4 != 1 else { return nil }
    guard padding == 0 || (padding <= 2 && (digits + padding) % 4 == 0) else { return nil }
    return decoded
  }

  private static func value(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
