// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct WireCursorTests {
  @Test(
    arguments: [
      ([0x00], 0), ([0x7f], 127), ([0x80, 0x01], 128), ([0xac, 0x02], 300),
      ([0x80, 0x80, 0x00], 0),  // longer than needed, as every parser allows
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], UInt64.max),
    ] as [([UInt8], UInt64)])
  func readsVarint(bytes: [UInt8], value: UInt64) throws {
    let (read, isAtEnd) = try reading(bytes) { cursor in (try cursor.varint(), cursor.isAtEnd) }
    #expect(read == value)
    #expect(isAtEnd)
  }

  @Test(
    arguments: [
      [], [0x80], [0xff, 0xff],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
    ] as [[UInt8]])
  func refusesVarint(bytes: [UInt8]) {
    #expect(throws: WireFault.self) { try reading(bytes) { try $0.varint() } }
  }

  @Test(
    arguments: [
      [0x00], [0x02],  // field 0
      [0x0e], [0x0f],  // wire types 6 and 7
      [0x80, 0x80, 0x80, 0x80, 0x10],  // field 2^29
      [0x8a, 0x80, 0x80, 0x80, 0x80, 0x00],  // six bytes
    ] as [[UInt8]])
  func refusesTag(bytes: [UInt8]) {
    #expect(throws: WireFault.self) { try reading(bytes) { try $0.tag() } }
  }

  @Test func refusesLengthsPastTheEnd() {
    for length in [2, 1 << 31, 1 << 62, UInt64.max] as [UInt64] {
      let bytes = Wire.varint(length) + [0x41]
      #expect(throws: WireFault.self) { try reading(bytes) { try $0.payload().count } }
    }
  }

  @Test func skipsGroupsThatNestProperly() throws {
    let good = Wire.tag(9, 3) + Wire.number(1, 5) + Wire.tag(2, 3) + Wire.tag(2, 4) + Wire.tag(9, 4)
    func skip(_ bytes: [UInt8]) throws -> Bool {
      try reading(bytes) { cursor in
        let (field, type) = try cursor.tag()
        try cursor.skip(field: field, type)
        return cursor.isAtEnd
      }
    }
    #expect(try skip(good))
    let deep = (0..<100_000).flatMap { _ in Wire.tag(9, 3) }
    let open = Wire.tag(9, 3)
    let crossed = Wire.tag(9, 3) + Wire.tag(8, 4)
    let closing = Wire.tag(9, 4)
    for bad in [deep, open, crossed, closing] {
      #expect(throws: WireFault.self) { try skip(bad) }
    }
  }

  @Test func varintSizesAgreeWithWhatIsWritten() {
    for shift in 0..<64 {
      for value in [1 << UInt64(shift), (1 << UInt64(shift)) - 1] as [UInt64] {
        #expect(varintSize(value) == Wire.varint(value).count, "\(value)")
      }
    }
  }
}
