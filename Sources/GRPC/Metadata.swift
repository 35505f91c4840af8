// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The custom header fields of a call, in the order they were added.
///
/// A name that ends in `-bin` holds bytes; on the wire they are base64, here they are decoded.
/// Every other value is text.
///
/// What surprises: the fields live in one byte array and strings are made only when asked for,
/// because a server receives metadata with every request and almost never reads it.
public struct Metadata: Sendable {
  /// Each field as name length (2 bytes), value length (4 bytes), name, value. Lengths are
  /// big-endian; values of `-bin` fields are decoded.
  private var storage: [UInt8] = []
  /// The number of fields.
  public private(set) var count = 0

  public init() {}

  public var isEmpty: Bool { count == 0 }

  /// Adds a text field.
  /// - Parameters:
  ///   - name: lower-case letters, digits and `-`, `_`, `.`; not ending in `-bin`, and none of the
  ///     names the protocol reserves. A field that breaks this is not sent.
  ///   - value: printable ASCII.
  public mutating func add(_ name: String, _ value: String) {
    append(name: name.utf8, value: value.utf8)
  }

  /// Adds a binary field.
  /// - Parameter name: ends in `-bin`.
  public mutating func add(_ name: String, bytes: some Collection<UInt8>) {
    append(name: name.utf8, value: bytes)
  }

  /// The first text value under `name`, or nil.
  public subscript(_ name: String) -> String? {
    var found: String?
    forEach { fieldName, value in
      guard found == nil, fieldName.elementsEqual(name.utf8) else { return }
      found = String(decoding: value, as: UTF8.self)
    }
    return found
  }

  /// Every value under a `-bin` name, decoded, in order.
  public func binaryValues(_ name: String) -> [[UInt8]] {
    var values: [[UInt8]] = []
    forEach { fieldName, value in
      if fieldName.elementsEqual(name.utf8) { values.append(Array(value)) }
    }
    return values
  }

  /// Every text value under `name`, in order.
  public func values(_ name: String) -> [String] {
    binaryValues(name).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Visits each field: the name's bytes and the (decoded) value's bytes.
  func forEach(_ body: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Void) {
    var index = 0
    while index < storage.count {
      let nameCount = Int(storage[index]) << 8 | Int(storage[index + 1])
      let valueCount = storage[index + 2..<index + 6].reduce(0) { $0 << 8 | Int($1) }
      let name = index + 6
      let value = name + nameCount
      body(storage[name..<value], storage[value..<value + valueCount])
      index = value + valueCount
    }
  }

  /// Adds a field whose value is as the program wants it, not as the wire has it.
  mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
    let nameCount = name.count
    let valueCount = value.count
    guard nameCount <= UInt16.max, valueCount <= Int32.max else { return }
    if storage.isEmpty { storage.reserveCapacity(nameCount + valueCount + 6) }
    storage.append(UInt8(truncatingIfNeeded: nameCount >> 8))
    storage.append(UInt8(truncatingIfNeeded: nameCount))
    for shift in stride(from: 24, through: 0, by: -8) {
      storage.append(UInt8(truncatingIfNeeded: valueCount >> shift))
    }
    storage.append(contentsOf: name)
    storage.append(contentsOf: value)
    count += 1
  }

  /// Adds a received field. A `-bin` value may hold several base64 values joined by commas.
  /// - Returns: false if a `-bin` value is not base64.
  mutating func appendWire(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard name.hasSuffix("-bin") else {
      append(name: name, value: value)
      return true
    }
    for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard let bytes = Base64.decode(Metadata.trimmed(part)) else { return false }
      append(name: name, value: bytes)
    }
    return true
  }

  /// Visits each field that may be sent, as the wire has it: `-bin` values in base64 without
  /// padding, one field per value. Names and values the protocol forbids are left out.
  func forEachWire(_ body: (ArraySlice<UInt8>, [UInt8]) -> Void) {
    forEach { name, value in
      guard Metadata.isSendable(name: name) else { return }
      if Metadata.isBinary(name) {
        body(name, Base64.encode(value))
      } else if value.allSatisfy({ $0 >= 0x20 && $0 <= 0x7e }) {
        body(name, Array(Metadata.trimmed(value)))
      }
    }
  }

  static func isBinary(_ name: some BidirectionalCollection<UInt8>) -> Bool {
    name.count >= 4 && name.suffix(4).elementsEqual("-bin".utf8)
  }

  /// The protocol's own names cannot be set by a program, and names must be legal in HTTP/2.
  static func isSendable(name: some BidirectionalCollection<UInt8>) -> Bool {
    let legal = name.allSatisfy { character in
      switch character {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard legal, !name.isEmpty, !name.starts(with: "grpc-".utf8) else { return false }
    let reserved = [
      "content-type", "te", "user-agent", "content-length", "connection", "host",
      "transfer-encoding", "upgrade", "keep-alive", "proxy-connection",
    ]
    return !reserved.contains { name.elementsEqual($0.utf8) }
  }

  /// Without the blanks at both ends, which a receiver removes anyway.
  private static func trimmed<Bytes: BidirectionalCollection<UInt8>>(
    _ bytes: Bytes
  ) -> Bytes.SubSequence {
    var part = bytes[...]
    while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
    while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
    return part
  }
}
