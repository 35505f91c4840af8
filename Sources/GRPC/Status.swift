// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The seventeen status codes of gRPC (grpc doc/statuscodes.md). The comment of each says when a
/// handler chooses it.
public enum StatusCode: Int, Sendable, CaseIterable {
  /// The call did what it was asked to.
  case ok = 0
  /// The caller no longer wants the answer. Chosen for work that stops because of it.
  case cancelled = 1
  /// An error of another system whose kind cannot be told. Never the first choice.
  case unknown = 2
  /// The request is wrong whatever the state of the system: a client must change it.
  case invalidArgument = 3
  /// The time the caller gave ran out before the work was done.
  case deadlineExceeded = 4
  /// A named thing does not exist.
  case notFound = 5
  /// A thing to be created exists.
  case alreadyExists = 6
  /// The caller is known and may not do this.
  case permissionDenied = 7
  /// A quota, a queue or memory is exhausted; also a message over the size limit.
  case resourceExhausted = 8
  /// The system is not in the state the call needs, and a retry will not help by itself.
  case failedPrecondition = 9
  /// A conflict of concurrency; the caller may retry at a higher level.
  case aborted = 10
  /// A value past the valid range that may become valid as the system's state changes.
  case outOfRange = 11
  /// No such method, or a feature of the protocol that is not supported here.
  case unimplemented = 12
  /// An invariant broke, or bytes did not decode: a bug on one of the two sides.
  case internalError = 13
  /// The service cannot be reached now; the caller may retry the same call.
  case unavailable = 14
  /// Data is lost or corrupt for good.
  case dataLoss = 15
  /// The caller did not prove who it is.
  case unauthenticated = 16
}

/// How a call ended: a code and a message for people.
///
/// A handler throws one to end its call. The message reaches the client, so it names what the
/// client can act on and nothing of the server's inside.
public struct Status: Error, Sendable, Equatable {
  public var code: StatusCode
  public var message: String

  public init(_ code: StatusCode, _ message: String = "") {
    self.code = code
    self.message = message
  }

  /// Success.
  public static let ok = Status(.ok)
}

/// An error type of another module that knows its own gRPC status.
public protocol StatusConvertible: Error {
  /// What the client is told.
  var status: Status { get }
}

extension Status {
  /// What a client is told about `error`: its own status if it has one; otherwise INTERNAL, with
  /// nothing of the error in it, because its text may carry internals.
  init(describing error: any Error) {
    switch error {
    case let status as Status: self = status
    case let error as any StatusConvertible: self = error.status
    default: self = Status(.internalError, "internal error")
    }
  }
}
