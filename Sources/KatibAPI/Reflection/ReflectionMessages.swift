// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// A question to server reflection. The versions v1 and v1alpha differ in the name of the package
/// only, so these messages serve both.
public struct ReflectionRequest: WireEncodable, WireDecodable, Sendable, Equatable {
  public enum Question: Sendable, Equatable {
    /// Nothing, or something that a newer client may ask.
    case none
    case fileByName(String)
    case fileContainingSymbol(String)
    case fileContainingExtension(type: String, number: Int)
    case allExtensionNumbers(ofType: String)
    /// The text has no meaning.
    case listServices(String)
  }

  public var host: String
  public var question: Question

  public init(host: String = "", question: Question) {
    self.host = host
    self.question = question
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    self = try arenas.unpack(bytes, as: C.ReflectionRequest.self) { ReflectionRequest($0) }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in try message(arena) }
  }

  fileprivate init(_ message: C.ReflectionRequest) {
    host = string(message.host)
    question =
      switch message.message_request_case.rawValue {
      case 3: .fileByName(string(message.file_by_filename))
      case 4: .fileContainingSymbol(string(message.file_containing_symbol))
      case 5:
        .fileContainingExtension(
          type: string(message.file_containing_extension?.pointee.containing_type),
          number: Int(message.file_containing_extension?.pointee.extension_number ?? 0))
      case 6: .allExtensionNumbers(ofType: string(message.all_extension_numbers_of_type))
      case 7: .listServices(string(message.list_services))
      default: .none
      }
  }

  fileprivate func message(
    _ arena: Arena
  ) throws(WireError) -> UnsafeMutablePointer<C.ReflectionRequest> {
    let message = try arena.make(C.ReflectionRequest.self)
    message.pointee.host = try arena.text(host)
    // The members of the union share their memory: the case says which of them is meant.
    switch question {
    case .none: break
    case .fileByName(let name):
      message.pointee.message_request_case.rawValue = 3
      message.pointee.file_by_filename = try arena.text(name, evenIfEmpty: true)
    case .fileContainingSymbol(let symbol):
      message.pointee.message_request_case.rawValue = 4
      message.pointee.file_containing_symbol = try arena.text(symbol, evenIfEmpty: true)
    case .fileContainingExtension(let type, let number):
      message.pointee.message_request_case.rawValue = 5
      let inner = try arena.make(C.ExtensionRequest.self)
      inner.pointee.containing_type = try arena.text(type)
      inner.pointee.extension_number = Int32(clamping: number)
      message.pointee.file_containing_extension = inner
    case .allExtensionNumbers(let type):
      message.pointee.message_request_case.rawValue = 6
      message.pointee.all_extension_numbers_of_type = try arena.text(type, evenIfEmpty: true)
    case .listServices(let text):
      message.pointee.message_request_case.rawValue = 7
      message.pointee.list_services = try arena.text(text, evenIfEmpty: true)
    }
    return message
  }
}

/// An answer of server reflection.
public struct ReflectionResponse: WireEncodable, WireDecodable, Sendable, Equatable {
  public enum Answer: Sendable, Equatable {
    case none
    /// Serialised FileDescriptorProto messages.
    case files([[UInt8]])
    case extensionNumbers(type: String, [Int])
    /// Full names.
    case services([String])
    /// A gRPC status code, and why. The call itself goes on.
    case error(code: Int, message: String)
  }

  /// What the answer is to; clients match on it.
  public var request: ReflectionRequest
  public var answer: Answer

  public init(to request: ReflectionRequest, _ answer: Answer) {
    self.request = request
    self.answer = answer
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    self = try arenas.unpack(bytes, as: C.ReflectionResponse.self) { ReflectionResponse($0) }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let message = try arena.make(C.ReflectionResponse.self)
      message.pointee.valid_host = try arena.text(request.host)
      message.pointee.original_request = try request.message(arena)
      try fill(message, arena)
      return message
    }
  }

  private init(_ message: C.ReflectionResponse) {
    request =
      message.original_request.map { ReflectionRequest($0.pointee) }
      ?? ReflectionRequest(question: .none)
    switch message.message_response_case.rawValue {
    case 4:
      let files = message.file_descriptor_response.pointee
      answer = .files(
        UnsafeBufferPointer(
          start: files.file_descriptor_proto, count: files.n_file_descriptor_proto
        )
        .map { Array(UnsafeBufferPointer(start: $0.data, count: $0.len)) })
    case 5:
      let numbers = message.all_extension_numbers_response.pointee
      answer = .extensionNumbers(
        type: string(numbers.base_type_name),
        UnsafeBufferPointer(start: numbers.extension_number, count: numbers.n_extension_number)
          .map(Int.init))
    case 6:
      let list = message.list_services_response.pointee
      answer = .services(elements(list.n_service, list.service).map { string($0.pointee.name) })
    case 7:
      let error = message.error_response.pointee
      answer = .error(code: Int(error.error_code), message: string(error.error_message))
    default: answer = .none
    }
  }

  private func fill(
    _ message: UnsafeMutablePointer<C.ReflectionResponse>, _ arena: Arena
  ) throws(WireError) {
    switch answer {
    case .none: break
    case .files(let files):
      let inner = try arena.make(C.FileDescriptorResponse.self)
      (inner.pointee.n_file_descriptor_proto, inner.pointee.file_descriptor_proto) =
        try arena.array(files) { file throws(WireError) in try arena.bytes(file) }
      message.pointee.message_response_case.rawValue = 4
      message.pointee.file_descriptor_response = inner
    case .extensionNumbers(let type, let numbers):
      let inner = try arena.make(C.ExtensionNumberResponse.self)
      inner.pointee.base_type_name = try arena.text(type)
      (inner.pointee.n_extension_number, inner.pointee.extension_number) =
        try arena.array(numbers) { Int32(clamping: $0) }
      message.pointee.message_response_case.rawValue = 5
      message.pointee.all_extension_numbers_response = inner
    case .services(let names):
      let inner = try arena.make(C.ListServiceResponse.self)
      (inner.pointee.n_service, inner.pointee.service) =
        try arena.array(names) {
          name throws(WireError) -> UnsafeMutablePointer<C.ServiceResponse>? in
          let service = try arena.make(C.ServiceResponse.self)
          service.pointee.name = try arena.text(name)
          return service
        }
      message.pointee.message_response_case.rawValue = 6
      message.pointee.list_services_response = inner
    case .error(let code, let text):
      let inner = try arena.make(C.ErrorResponse.self)
      inner.pointee.error_code = Int32(clamping: code)
      inner.pointee.error_message = try arena.text(text)
      message.pointee.message_response_case.rawValue = 7
      message.pointee.error_response = inner
    }
  }
}

extension Arena {
  fileprivate func bytes(_ bytes: [UInt8]) throws(WireError) -> ProtobufCBinaryData {
    let copy = try allocate(bytes.count).bindMemory(to: UInt8.self, capacity: bytes.count)
    copy.initialize(from: bytes, count: bytes.count)
    return ProtobufCBinaryData(len: bytes.count, data: copy)
  }
}
