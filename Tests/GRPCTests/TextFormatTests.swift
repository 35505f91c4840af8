// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

/// A small generator for property tests (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }
}

/// grpc-message.
@Suite struct StatusMessageTests {
  @Test(arguments: [
    ("", ""), ("plain text.", "plain text."), ("100%", "100%25"), ("naïve", "na%C3%AFve"),
    ("line\nbreak\u{7f}", "line%0Abreak%7F"), ("🙂", "%F0%9F%99%82"),
  ])
  func escapes(text: String, wire: String) {
    #expect(String(decoding: StatusMessage.encode(text, limit: 1_024), as: UTF8.self) == wire)
    #expect(StatusMessage.decode(Array(wire.utf8)) == text)
  }

  @Test(arguments: 0..<8)
  func cutsBetweenCharacters(limit: Int) {
    // 1, 2, 3 and 4 bytes long; the cut is at 0, 1, 3 or 6.
    let text = "aïन🙂"
    let cut = StatusMessage.decode(StatusMessage.encode(text, limit: limit))
    #expect(text.hasPrefix(cut))
    #expect(cut.utf8.count == [0, 1, 1, 3, 3, 3, 6, 6][limit])
  }

  @Test(arguments: ["%", "%4", "%zz", "a%"])
  func escapesThatAreNoneStay(text: String) {
    #expect(StatusMessage.decode(Array(text.utf8)) == text)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func anyTextComesBack(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = random.bytes(Int.random(in: 0..<200, using: &random))
    let text = String(decoding: bytes, as: UTF8.self)
    let wire = StatusMessage.encode(text, limit: 1_024)
    #expect(wire.allSatisfy { $0 >= 0x20 && $0 <= 0x7e }, "seed \(seed)")
    #expect(StatusMessage.decode(wire) == text, "seed \(seed)")
  }
}

/// grpc-timeout.
@Suite struct TimeoutTests {
  private func parse(_ text: String) -> Duration? {
    Array(text.utf8).withUnsafeBufferPointer { Timeout.parse($0) }
  }

  @Test(arguments: [
    ("1H", Duration.seconds(3_600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
    ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("6n", .nanoseconds(6)),
    ("00000007S", .seconds(7)), ("99999999H", .seconds(99_999_999 * 3_600)), ("0S", .zero),
  ])
  func reads(text: String, duration: Duration) {
    #expect(parse(text) == duration)
  }

  @Test(arguments: [
    "", "S", "1", "1s", "1h", "123456789S", "-1S", "+1S", "1.5S", " 1S", "1S ", "0x1S",
  ])
  func refuses(text: String) {
    #expect(parse(text) == nil)
  }

  /// The server must never believe the client waits shorter than it does.
  @Test(arguments: 0..<500 as Range<UInt64>)
  func whatIsWrittenIsNotShorter(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let bits = Int64.random(in: 0..<63, using: &random)
    let duration = Duration.nanoseconds(Int64.random(in: 0...(1 << bits), using: &random))
    let text = Timeout.format(duration)
    let back = try #require(parse(text), "seed \(seed): \(text)")
    #expect(back >= duration, "seed \(seed): \(text)")
    // A unit is left at a hundred million of it for one that is a thousand times coarser.
    #expect(back <= duration + duration / 90_000 + .nanoseconds(1), "seed \(seed): \(text)")
  }

  @Test func clocksDoNotOverflow() {
    let now = MonotonicInstant(nanoseconds: .max - 5)
    #expect(now.advanced(by: .seconds(99_999_999 * 3_600)).nanoseconds == .max)
    #expect(
      MonotonicInstant(nanoseconds: 0).advanced(by: .seconds(-1)).nanoseconds == -1_000_000_000)
  }
}

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
    ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
  ])
  func writesWithoutPadding(text: String, wire: String) {
    #expect(String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) == wire)
  }

  @Test(arguments: ["Z", "Zg=", "Zg===", "=", "Zg==Zg", "Z*", "Zm9vY", "Zm9v=", "Z g"])
  func refuses(text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func anyBytesComeBack(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let bytes = random.bytes(Int.random(in: 0..<100, using: &random))
    var wire = Base64.encode(bytes)
    #expect(Base64.decode(wire) == bytes, "seed \(seed)")
    while wire.count % 4 != 0 { wire.append(UInt8(ascii: "=")) }
    #expect(Base64.decode(wire) == bytes, "padded, seed \(seed)")
  }
}

@Suite struct MetadataTests {
  @Test func keepsOrderAndRepetition() {
    var metadata = Metadata()
    metadata.add("a", "1")
    metadata.add("b-bin", bytes: [0, 255])
    metadata.add("a", "2")
    #expect(metadata.count == 3)
    #expect(metadata["a"] == "1")
    #expect(metadata.values("a") == ["1", "2"])
    #expect(metadata.binaryValues("b-bin") == [[0, 255]])
    #expect(metadata["c"] == nil)
  }

  @Test func sendsOnlyWhatIsAllowed() {
    var metadata = Metadata()
    for name in [":path", "grpc-status", "content-type", "te", "user-agent", "Upper", "", "a b"] {
      metadata.add(name, "x")
    }
    metadata.add("line", "a\nb")
    metadata.add("fine", " blank ")
    metadata.add("x-bin", bytes: [97])
    var sent: [String] = []
    metadata.forEachWire { name, value in
      sent.append(
        String(decoding: name, as: UTF8.self) + "=" + String(decoding: value, as: UTF8.self))
    }
    #expect(sent == ["fine=blank", "x-bin=YQ"])
  }
}
