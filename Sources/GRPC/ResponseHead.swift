// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The header fields and trailers of a response, as far as a client needs them.
struct ResponseHead {
  private(set) var encoding: Compression?
  private(set) var hasUnknownEncoding = false
  private var httpStatus = 0
  private var isGRPC = false
  private var grpcStatus: Status?
  private var hasBadStatus = false
  private var message: String?
  private var listBytes = 0

  /// Takes in one field of the headers or of the trailers. Past `limit` nothing is stored.
  mutating func add(
    name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>, limit: Int
  ) {
    listBytes += name.count + value.count + 32
    guard listBytes <= limit else { return }
    if name.equals(":status") {
      httpStatus = ResponseHead.number(value) ?? 0
    } else if name.equals("content-type") {
      isGRPC = value.hasPrefix("application/grpc")
    } else if name.equals("grpc-encoding") {
      encoding = Compression.allCases.first { value.equals($0.name) }
      hasUnknownEncoding = encoding == nil && !value.equals("identity")
    } else if name.equals("grpc-status") {
      let code = ResponseHead.number(value)
      hasBadStatus = code == nil
      grpcStatus = code.map { Status(StatusCode(rawValue: $0) ?? .unknown) }
    } else if name.equals("grpc-message") {
      message = StatusMessage.decode(value)
    }
  }

  /// Why messages of this response cannot be read, or nil.
  func problem(limit: Int) -> Status? {
    if listBytes > limit {
      return Status(.resourceExhausted, "the response has too many header fields")
    }
    if httpStatus != 200 { return grpcStatus == nil ? httpError : nil }
    if !isGRPC { return Status(.unknown, "the response is not gRPC") }
    if hasUnknownEncoding {
      return Status(.internalError, "the response has an unknown grpc-encoding")
    }
    return nil
  }

  /// The status of a response that ended with these fields.
  var status: Status {
    if let grpcStatus { return Status(grpcStatus.code, message ?? "") }
    if hasBadStatus { return Status(.internalError, "the grpc-status is no number") }
    if httpStatus != 200 { return httpError }
    return Status(.unknown, "the response has no grpc-status")
  }

  /// grpc doc/http-grpc-status-mapping.md.
  private var httpError: Status {
    let code: StatusCode =
      switch httpStatus {
      case 400: .internalError
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    return Status(code, "the server answered with HTTP status \(httpStatus)")
  }

  private static func number(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    guard !text.isEmpty, text.count <= 9 else { return nil }
    var value = 0
    for character in text {
      guard character >= UInt8(ascii: "0"), character <= UInt8(ascii: "9") else { return nil }
      value = value * 10 + Int(character - UInt8(ascii: "0"))
    }
    return value
  }
}
