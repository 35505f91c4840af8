// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
internal import Glibc

/// A C structure that protobuf-c generated from a message of `proto/`.
///
/// Every such structure begins with a `ProtobufCMessage`, which points at the descriptor; that is
/// what the conversions here rest on.
protocol CMessage {
  /// Sets every field to its default and the descriptor to this message's own.
  static func initialise(_ message: UnsafeMutablePointer<Self>)
}

extension CMessage {
  static var descriptor: WireScanner.Descriptor {
    withUnsafeTemporaryAllocation(of: Self.self, capacity: 1) { buffer in
      // A capacity of 1 always has a base address.
      let message = buffer.baseAddress.unsafelyUnwrapped
      initialise(message)
      return UnsafeRawPointer(message)
        .assumingMemoryBound(to: ProtobufCMessage.self).pointee.descriptor
    }
  }
}

extension Arena {
  /// Unpacks one message into this arena. The result and everything it points at stay valid until
  /// the next reset.
  ///
  /// - Throws: a fault for bytes that are no such message, else that memory is lacking.
  func unpack<Message: CMessage>(
    _ bytes: UnsafeBufferPointer<UInt8>, as type: Message.Type = Message.self
  ) throws(UnpackError) -> UnsafeMutablePointer<Message> {
    let descriptor = Message.descriptor
    let understood = try understandable(bytes, descriptor)
    // An empty message may come without an address, which protobuf-c would not mind.
    let message = protobuf_c_message_unpack(
      descriptor, allocator, understood.count, understood.baseAddress)
    guard let message else {
      if isExhausted { throw .memory(exhaustion) }
      throw .fault(WireFault(problem: "protobuf-c does not accept it"))
    }
    return UnsafeMutableRawPointer(message).assumingMemoryBound(to: Message.self)
  }

  /// `bytes` if they are sound and protobuf-c understands them all, else a copy without the rest.
  private func understandable(
    _ bytes: UnsafeBufferPointer<UInt8>, _ descriptor: WireScanner.Descriptor
  ) throws(UnpackError) -> UnsafeBufferPointer<UInt8> {
    do throws(WireFault) {
      if try WireScanner.scan(bytes, as: descriptor) { return bytes }
    } catch {
      throw .fault(error)
    }
    guard let room = try? allocate(bytes.count) else { throw .memory(exhaustion) }
    let copy = room.bindMemory(to: UInt8.self, capacity: bytes.count)
    do throws(WireFault) {
      let count = try WireScanner.copyKnownFields(of: bytes, as: descriptor, to: copy)
      return UnsafeBufferPointer(start: copy, count: count)
    } catch {
      throw .fault(error)
    }
  }

  /// A message with all fields unset.
  func make<Message: CMessage>(
    _ type: Message.Type = Message.self
  ) throws(WireError) -> UnsafeMutablePointer<Message> {
    let memory = try allocate(MemoryLayout<Message>.size)
    let message = memory.bindMemory(to: Message.self, capacity: 1)
    Message.initialise(message)
    return message
  }

  /// `text` as a C string, or NULL when it is empty, which leaves the field out.
  /// Text after a NUL is lost; texts that came in through this module have none.
  ///
  /// - Parameter evenIfEmpty: make a C string of an empty text too: entries of repeated fields
  ///   and members of a `oneof` are there even when empty.
  func text(
    _ text: String, evenIfEmpty: Bool = false
  ) throws(WireError) -> UnsafeMutablePointer<CChar>? {
    guard evenIfEmpty || !text.isEmpty else { return nil }
    let count = text.utf8.count
    let copy = try allocate(count + 1).bindMemory(to: UInt8.self, capacity: count + 1)
    let target = UnsafeMutableBufferPointer(start: copy, count: count)
    // Every text of ours is stored as UTF-8, so this is one memcpy.
    _ = target.update(fromContentsOf: text.utf8)
    copy[count] = 0
    return UnsafeMutableRawPointer(copy).assumingMemoryBound(to: CChar.self)
  }

  /// An array of the results of `element`, as repeated fields want it.
  func array<Source: Collection, Element>(
    _ sources: Source, _ element: (Source.Element) throws(WireError) -> Element
  ) throws(WireError) -> (count: Int, elements: UnsafeMutablePointer<Element>?) {
    let count = sources.count
    guard count > 0 else { return (0, nil) }
    let memory = try allocate(count * MemoryLayout<Element>.stride)
    let elements = memory.bindMemory(to: Element.self, capacity: count)
    var i = 0
    for source in sources {
      (elements + i).initialize(to: try element(source))
      i += 1
    }
    return (count, elements)
  }
}

/// Why a message could not be unpacked.
enum UnpackError: Error {
  case fault(WireFault)
  /// An arena's `exhaustion`.
  case memory(WireError)

  /// The error as callers of this module see it, for a message that is the field `field` of
  /// another, or nobody's field when empty.
  func error(inside field: String = "") -> WireError {
    switch self {
    case .fault(let fault): field.isEmpty ? fault.error : fault.inside(field).error
    case .memory(let error) where field.isEmpty: error
    case .memory(.busy(let problem)): .busy("\(field): \(problem)")
    case .memory(let error): .limit("\(field): \(error)")
    }
  }
}

/// Calls `body` with the bytes of a C string; none for a null pointer.
func withText<Result>(
  _ text: UnsafePointer<CChar>?, _ body: (UnsafeBufferPointer<UInt8>) -> Result
) -> Result {
  guard let text else { return body(UnsafeBufferPointer(start: nil, count: 0)) }
  let count = strlen(text)
  return text.withMemoryRebound(to: UInt8.self, capacity: count + 1) { bytes in
    body(UnsafeBufferPointer(start: bytes, count: count))
  }
}

/// A C string that the scanner has found to be UTF-8; empty for a null pointer.
func string(_ text: UnsafePointer<CChar>?) -> String {
  text.map { String(cString: $0) } ?? ""
}

/// The elements of a repeated field of messages.
func elements<Element>(
  _ count: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<Element>?>?
) -> some Sequence<UnsafeMutablePointer<Element>> {
  UnsafeBufferPointer(start: first, count: first == nil ? 0 : count).lazy.compactMap { $0 }
}

/// An enumeration of C. All of ours are open: numbers without a name pass through unchanged.
protocol CEnumeration: RawRepresentable where RawValue == UInt32 {
  var rawValue: UInt32 { get set }
}

extension CEnumeration {
  /// The number on the wire, which is signed.
  var number: Int {
    get { Int(Int32(bitPattern: rawValue)) }
    set { rawValue = UInt32(bitPattern: Int32(truncatingIfNeeded: newValue)) }
  }
}

extension Api__V1__Beta1__ParameterType: CEnumeration {}
extension Api__V1__Beta1__Distribution: CEnumeration {}
extension Api__V1__Beta1__ObjectiveType: CEnumeration {}
extension Api__V1__Beta1__ComparisonType: CEnumeration {}
extension Api__V1__Beta1__TrialStatus__TrialConditionType: CEnumeration {}
extension Grpc__Health__V1__HealthCheckResponse__ServingStatus: CEnumeration {}
