// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What is wrong with some wire bytes, and where.
struct WireFault: Error {
  var problem: String
  /// Field names from the outermost in, as in `trials[3].name`; empty for the message itself.
  var path = ""
  /// True when other implementations would read the message and only this one cannot.
  var isOurs = false

  /// The same fault seen from one message further out.
  func inside(_ field: String) -> WireFault {
    let inner = path.isEmpty ? "" : path.utf8.first == UInt8(ascii: "[") ? path : "." + path
    return WireFault(problem: problem, path: field + inner, isOurs: isOurs)
  }

  var error: WireError {
    let text = path.isEmpty ? problem : "\(path): \(problem)"
    return isOurs ? .unsupported(text) : .malformed(text)
  }
}

/// The five wire types. Numbers 6 and 7 do not exist.
enum WireType: UInt8 {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// A position in wire bytes that never moves past their end.
///
/// The rules are those of the Go implementation, which writes what the Katib controller sends:
/// a varint has at most ten bytes and fits into 64 bits, a tag at most five, field numbers run
/// from 1 to 2^29 - 1.
struct WireCursor {
  let bytes: UnsafeBufferPointer<UInt8>
  private(set) var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { position == bytes.count }

  @inline(__always)
  mutating func varint() throws(WireFault) -> UInt64 {
    // Nearly every varint of ours is a tag or a length below 128.
    if position < bytes.count, bytes[position] < 0x80 {
      position += 1
      return UInt64(bytes[position - 1])
    }
    return try longVarint()
  }

  @inline(never)
  private mutating func longVarint() throws(WireFault) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if shift == 63, byte > 1 { throw WireFault(problem: "a varint has more than 64 bits") }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw WireFault(problem: "ends inside a varint")
  }

  /// The next field's number and wire type.
  @inline(__always)
  mutating func tag() throws(WireFault) -> (field: UInt32, type: WireType) {
    if position < bytes.count, case let byte = bytes[position], byte < 0x80, byte >= 0x08,
      let type = WireType(rawValue: byte & 7)
    {
      position += 1
      return (UInt32(byte >> 3), type)
    }
    return try longTag()
  }

  @inline(never)
  private mutating func longTag() throws(WireFault) -> (field: UInt32, type: WireType) {
    let start = position
    let tag = try varint()
    let field = tag >> 3
    guard position - start <= 5, field >= 1, field < 1 << 29 else {
      throw WireFault(problem: "a tag with field number \(field), which is not in 1...536870911")
    }
    guard let type = WireType(rawValue: UInt8(tag & 7)) else {
      throw WireFault(problem: "a tag with wire type \(tag & 7), which does not exist")
    }
    return (UInt32(field), type)
  }

  /// A length and that many bytes.
  @inline(__always)
  mutating func payload() throws(WireFault) -> UnsafeBufferPointer<UInt8> {
    let length = try varint()
    guard length <= UInt64(bytes.count - position) else { throw overlong(length) }
    let start = position
    position += Int(length)
    return UnsafeBufferPointer(rebasing: bytes[start..<position])
  }

  @inline(never)
  private func overlong(_ length: UInt64) -> WireFault {
    WireFault(problem: "a length of \(length) where \(bytes.count - position) bytes remain")
  }

  mutating func skip(bytes count: Int) throws(WireFault) {
    guard count <= bytes.count - position else {
      throw WireFault(problem: "ends inside a number of \(count) bytes")
    }
    position += count
  }

  /// Skips what follows the tag of a field nobody wants to read.
  mutating func skip(field: UInt32, _ type: WireType, depth: Int = 0) throws(WireFault) {
    switch type {
    case .varint: _ = try varint()
    case .fixed64: try skip(bytes: 8)
    case .fixed32: try skip(bytes: 4)
    case .lengthDelimited: _ = try payload()
    case .endGroup: throw WireFault(problem: "a group ends that never began")
    case .startGroup:
      guard depth < WireLimits.deepestNesting else {
        throw WireFault(problem: "groups nest more than \(WireLimits.deepestNesting) deep")
      }
      while true {
        let (inner, innerType) = try tag()
        if innerType == .endGroup {
          guard inner == field else {
            throw WireFault(problem: "group \(field) is closed as group \(inner)")
          }
          return
        }
        try skip(field: inner, innerType, depth: depth + 1)
      }
    }
  }
}
