// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The `grpc-timeout` header: one to eight digits and a unit (grpc doc/PROTOCOL-HTTP2.md).
enum Timeout {
  /// - Returns: the duration, or nil if the text is none. 99999999H is valid: 11,400 years.
  static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Duration? {
    guard text.count >= 2, text.count <= 9 else { return nil }
    var value: Int64 = 0
    for character in text.dropLast() {
      guard character >= UInt8(ascii: "0"), character <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int64(character - UInt8(ascii: "0"))
    }
    return switch text[text.count - 1] {
    case UInt8(ascii: "H"): .seconds(value * 3600)
    case UInt8(ascii: "M"): .seconds(value * 60)
    case UInt8(ascii: "S"): .seconds(value)
    case UInt8(ascii: "m"): .milliseconds(value)
    case UInt8(ascii: "u"): .microseconds(value)
    case UInt8(ascii: "n"): .nanoseconds(value)
    default: nil
    }
  }

  /// The header for `duration`: the finest unit that fits eight digits, rounded up so that a
  /// positive timeout never becomes zero and the server never gives up before the client.
  static func format(_ duration: Duration) -> String {
    let nanoseconds = max(0, duration.saturatingNanoseconds)
    let units: [(Int64, String)] = [
      (1, "n"), (1_000, "u"), (1_000_000, "m"), (1_000_000_000, "S"), (60_000_000_000, "M"),
      (3_600_000_000_000, "H"),
    ]
    for (size, letter) in units {
      let value = nanoseconds / size + (nanoseconds % size == 0 ? 0 : 1)
      if value <= 99_999_999 { return "\(value)\(letter)" }
    }
    return "99999999H"
  }
}
