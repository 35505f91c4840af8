// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What a handler knows about its call besides the message.
public final class CallContext: Sendable {
  /// The method, "/package.Service/Method".
  public let path: String
  /// The custom header fields of the request.
  public let metadata: Metadata
  /// When the client stops waiting; nil when it did not say.
  public let deadline: MonotonicInstant?
  /// The client's address, for logs.
  public let peer: String

  /// What the connection holds of the memory budget; nil when there is none.
  let account: MemoryAccount?

  private let end = Atomic<Int>(0)

  init(
    path: String, metadata: Metadata, deadline: MonotonicInstant?, peer: String,
    account: MemoryAccount? = nil
  ) {
    self.account = account
    self.path = path
    self.metadata = metadata
    self.deadline = deadline
    self.peer = peer
  }

  /// A context without a connection, for tests and for calls within the process.
  public convenience init(path: String, deadline: MonotonicInstant? = nil) {
    self.init(path: path, metadata: Metadata(), deadline: deadline, peer: "")
  }

  /// Whether nobody waits for the answer any more: the client cancelled, its connection broke or
  /// its deadline passed.
  public var isCancelled: Bool { end.load(ordering: .relaxed) != 0 }

  /// Ends the work when nobody waits for it. One relaxed load of an atomic: cheap enough for the
  /// inner loops of a handler on a worker thread.
  /// - Throws: CANCELLED or DEADLINE_EXCEEDED.
  @inlinable
  public func checkCancellation() throws(Status) {
    if isCancelled { throw cancellationStatus }
  }

  /// How the call ended, or CANCELLED.
  @usableFromInline
  var cancellationStatus: Status {
    end.load(ordering: .relaxed) == StatusCode.deadlineExceeded.rawValue
      ? Status(.deadlineExceeded, "the deadline of the call has passed")
      : Status(.cancelled, "the call was cancelled")
  }

  /// The first reason stays.
  func cancel(_ code: StatusCode) {
    _ = end.compareExchange(
      expected: 0, desired: code.rawValue, successOrdering: .relaxed, failureOrdering: .relaxed)
  }
}
