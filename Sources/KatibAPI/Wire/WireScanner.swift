// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// Reads wire bytes against a message descriptor before protobuf-c does.
///
/// protobuf-c is quick, but it is neither as strict nor as lenient as the implementations that
/// Katib's peers use. It takes any bytes for a string and loses the length, so that a NUL cuts the
/// text; and it fails a whole message for a known field with another wire type, or for a group,
/// which everyone else treats as an unknown field. So every message passes here first:
///
/// - `scan` refuses what everyone refuses (broken tags, lengths, varints, text that is not UTF-8)
///   and NUL in text, which only we cannot carry. It also says whether protobuf-c will
///   understand every field.
/// - If not, `copyKnownFields` writes the message again with only those fields, which no longer
///   cost any memory. Such messages are rare: they come from a newer Katib, or from a fuzzer.
///
/// Both recurse as deep as messages nest, at most ``WireLimits/deepestNesting``.
enum WireScanner {
  typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>
  typealias Field = UnsafePointer<ProtobufCFieldDescriptor>
  typealias Bytes = UnsafeBufferPointer<UInt8>

  /// - Returns: true when `bytes` hold known fields only, each with the wire type of its kind.
  /// - Throws: a fault whose path names the field.
  static func scan(
    _ bytes: Bytes, as message: Descriptor, depth: Int = 0
  ) throws(WireFault) -> Bool {
    guard depth < WireLimits.deepestNesting else {
      throw WireFault(problem: "messages nest more than \(WireLimits.deepestNesting) deep")
    }
    var cursor = WireCursor(bytes)
    var fields = FieldLookup(message)
    var isPlain = true
    while !cursor.isAtEnd {
      let start = cursor.position
      let (number, type) = try cursor.tag()
      guard let field = fields[number], let reading = Reading(field, type) else {
        // Unknown to us, or of a type that protobuf-c would stumble over.
        isPlain = false
        try cursor.skip(field: number, type)
        continue
      }
      do throws(WireFault) {
        switch reading {
        case .varint: _ = try cursor.varint()
        case .fixed64: try cursor.skip(bytes: 8)
        case .fixed32: try cursor.skip(bytes: 4)
        case .bytes: _ = try cursor.payload()
        case .text: try checkText(cursor.payload())
        case .packed: try checkPacked(cursor.payload(), of: field)
        case .message(let inner):
          let payload = try cursor.payload()
          if try !scan(payload, as: inner, depth: depth + 1) { isPlain = false }
        }
      } catch {
        throw error.inside(name(of: field, at: start, in: bytes))
      }
    }
    return isPlain
  }

  /// Writes the fields that protobuf-c understands, in their order, to `target`.
  ///
  /// - Parameters:
  ///   - bytes: a message that `scan` has accepted.
  ///   - target: room for as many bytes as `bytes` has.
  /// - Returns: how many bytes were written, at most as many as `bytes` has.
  static func copyKnownFields(
    of bytes: Bytes, as message: Descriptor, to target: UnsafeMutablePointer<UInt8>
  ) throws(WireFault) -> Int {
    var cursor = WireCursor(bytes)
    var fields = FieldLookup(message)
    var written = 0
    while !cursor.isAtEnd {
      let start = cursor.position
      let (number, type) = try cursor.tag()
      guard let field = fields[number], let reading = Reading(field, type) else {
        try cursor.skip(field: number, type)
        continue
      }
      guard case .message(let inner) = reading else {
        try cursor.skip(field: number, type)
        let whole = Bytes(rebasing: bytes[start..<cursor.position])
        if let source = whole.baseAddress {
          (target + written).update(from: source, count: whole.count)
        }
        written += whole.count
        continue
      }
      written += writeVarint(UInt64(number) << 3 | UInt64(type.rawValue), to: target + written)
      let payload = try cursor.payload()
      // The inner message can only get shorter, and its length prefix with it: write it where it
      // would stand at full length, then close the gap.
      let room = varintSize(UInt64(payload.count))
      let content = target + written + room
      let length = try copyKnownFields(of: payload, as: inner, to: content)
      let prefix = writeVarint(UInt64(length), to: target + written)
      if prefix < room {
        (target + written + prefix).update(from: content, count: length)
      }
      written += prefix + length
    }
    return written
  }

  /// How the content of one field must be read.
  private enum Reading {
    case varint, fixed64, fixed32, text, bytes, packed
    case message(Descriptor)

    /// nil when the wire type is not one of the field's.
    @inline(__always)
    init?(_ field: Field, _ type: WireType) {
      let kind = field.pointee.type
      switch kind {
      case PROTOBUF_C_TYPE_STRING:
        guard type == .lengthDelimited else { return nil }
        self = .text
      case PROTOBUF_C_TYPE_MESSAGE:
        guard type == .lengthDelimited, let inner = field.pointee.descriptor else { return nil }
        self = .message(inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
      case PROTOBUF_C_TYPE_BYTES:
        guard type == .lengthDelimited else { return nil }
        self = .bytes
      default:
        let isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
        if type == .lengthDelimited, isRepeated {
          self = .packed
        } else if type == scalarWireType(kind) {
          self = type == .varint ? .varint : type == .fixed64 ? .fixed64 : .fixed32
        } else {
          return nil
        }
      }
    }
  }

  private static func scalarWireType(_ kind: ProtobufCType) -> WireType {
    switch kind {
    case PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64: .fixed64
    case PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32: .fixed32
    default: .varint
    }
  }

  private static func checkText(_ bytes: Bytes) throws(WireFault) {
    switch UTF8Check.check(bytes) {
    case .fine: return
    case .invalid: throw WireFault(problem: "text that is not valid UTF-8")
    case .containsNUL:
      throw WireFault(problem: "text with a NUL character in it, which must go", isOurs: true)
    }
  }

  private static func checkPacked(_ bytes: Bytes, of field: Field) throws(WireFault) {
    switch scalarWireType(field.pointee.type) {
    case .fixed64, .fixed32:
      let width = scalarWireType(field.pointee.type) == .fixed64 ? 8 : 4
      guard bytes.count.isMultiple(of: width) else {
        throw WireFault(problem: "\(bytes.count) bytes of packed numbers of \(width) bytes each")
      }
    default:
      var cursor = WireCursor(bytes)
      while !cursor.isAtEnd { _ = try cursor.varint() }
    }
  }

  /// `name`, or `name[index]` for an element of a repeated field. Counts what stands before
  /// `start`, which only a message that is refused anyway has to pay for.
  private static func name(of field: Field, at start: Int, in bytes: Bytes) -> String {
    let name = String(cString: field.pointee.name)
    guard field.pointee.label == PROTOBUF_C_LABEL_REPEATED else { return name }
    var cursor = WireCursor(bytes)
    var index = 0
    while cursor.position < start {
      guard let (number, type) = try? cursor.tag(),
        (try? cursor.skip(field: number, type)) != nil
      else { break }
      if number == field.pointee.id { index += 1 }
    }
    return "\(name)[\(index)]"
  }
}

/// Finds fields by number. Writers emit fields in order and repeat them in runs, so the answer is
/// nearly always the field found last or its successor.
private struct FieldLookup {
  private let fields: WireScanner.Field?
  private let count: Int
  private var last = 0

  init(_ message: WireScanner.Descriptor) {
    fields = message.pointee.fields
    count = Int(message.pointee.n_fields)
  }

  subscript(number: UInt32) -> WireScanner.Field? {
    @inline(__always) mutating get {
      guard let fields, count > 0 else { return nil }
      if fields[last].id == number { return fields + last }
      if last + 1 < count, fields[last + 1].id == number {
        last += 1
        return fields + last
      }
      for i in 0..<count where fields[i].id == number {
        last = i
        return fields + i
      }
      return nil
    }
  }
}

/// How many bytes `value` takes as a varint: 1 to 10.
func varintSize(_ value: UInt64) -> Int {
  max(1, (64 - value.leadingZeroBitCount + 6) / 7)
}

/// Writes `value` as a varint of the least length, and returns that length.
func writeVarint(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
  var value = value
  var i = 0
  while value >= 0x80 {
    target[i] = UInt8(truncatingIfNeeded: value) | 0x80
    value >>= 7
    i += 1
  }
  target[i] = UInt8(value)
  return i + 1
}
