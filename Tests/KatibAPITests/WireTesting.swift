// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel

@testable import KatibAPI

/// A small seeded source (SplitMix64): the same seed gives the same test.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Wire bytes written by hand, right or wrong.
enum Wire {
  static func varint(_ value: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 10)
    let count = bytes.withUnsafeMutableBufferPointer { buffer in
      writeVarint(value, to: buffer.baseAddress.unsafelyUnwrapped)
    }
    return Array(bytes.prefix(count))
  }

  static func tag(_ field: UInt32, _ type: UInt64) -> [UInt8] { varint(UInt64(field) << 3 | type) }

  static func number(_ field: UInt32, _ value: UInt64) -> [UInt8] { tag(field, 0) + varint(value) }

  static func payload(_ field: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    tag(field, 2) + varint(UInt64(bytes.count)) + bytes
  }

  static func text(_ field: UInt32, _ text: String) -> [UInt8] { payload(field, Array(text.utf8)) }

  /// `field` of `field` of … around `bytes`, outermost first.
  static func nested(_ fields: [UInt32], _ bytes: [UInt8]) -> [UInt8] {
    fields.reversed().reduce(bytes) { payload($1, $0) }
  }

  static func bytes(hex: String) -> [UInt8] {
    var digits = hex.unicodeScalars.makeIterator()
    var bytes: [UInt8] = []
    while let high = digits.next(), let low = digits.next() {
      guard let byte = UInt8(String(high) + String(low), radix: 16) else { return [] }
      bytes.append(byte)
    }
    return bytes
  }
}

/// A query together with its history, as a server decodes them.
struct DecodedRequest {
  let query: SuggestionsQuery
  let history: History

  init(_ bytes: [UInt8], using arenas: ArenaPool = ArenaPool(), texts: [String] = []) throws {
    (query, history) = try bytes.withUnsafeBytes { bytes in
      let query = try SuggestionsQuery(decoding: bytes, using: arenas)
      let space = try SearchSpace(query.experiment.parameterSpecs)
      return (
        query, try query.history(in: bytes, space: space, textAssignments: texts, using: arenas)
      )
    }
  }
}

extension WireError {
  var isLimit: Bool { if case .limit = self { true } else { false } }
  var isBusy: Bool { if case .busy = self { true } else { false } }
  var isMalformed: Bool { if case .malformed = self { true } else { false } }
}

/// The error that `body` throws, if it throws one of ours.
func wireError(_ body: () throws -> Void) -> WireError? {
  do {
    try body()
    return nil
  } catch {
    return error as? WireError
  }
}

/// Runs `body` with a cursor at the beginning of `bytes`.
func reading<Result>(
  _ bytes: [UInt8], _ body: (inout WireCursor) throws -> Result
) throws -> Result {
  try bytes.withUnsafeBufferPointer { buffer in
    var cursor = WireCursor(buffer)
    return try body(&cursor)
  }
}
