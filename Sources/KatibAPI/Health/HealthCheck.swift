// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// Asks for the health of a service: `grpc.health.v1`, `Check` and `Watch` alike.
public struct HealthCheckRequest: WireEncodable, WireDecodable, Sendable, Equatable {
  /// Empty for the server as a whole.
  public var service: String

  public init(service: String = "") {
    self.service = service
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    service = try arenas.unpack(bytes, as: C.HealthCheckRequest.self) { string($0.service) }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.HealthCheckRequest.self)
      request.pointee.service = try arena.text(service)
      return request
    }
  }
}

/// The health of a service.
public struct HealthCheckResponse: WireEncodable, WireDecodable, Sendable, Equatable {
  public enum ServingStatus: Int, Sendable {
    case unknown = 0
    case serving = 1
    case notServing = 2
    /// Only in `Watch`; `Check` answers an unknown name with the status NOT_FOUND instead.
    case serviceUnknown = 3
  }

  public var status: ServingStatus

  public init(status: ServingStatus) {
    self.status = status
  }

  /// Statuses without a name read as unknown.
  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    status = try arenas.unpack(bytes, as: C.HealthCheckResponse.self) {
      ServingStatus(rawValue: $0.status.number) ?? .unknown
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let response = try arena.make(C.HealthCheckResponse.self)
      response.pointee.status.number = status.rawValue
      return response
    }
  }
}
