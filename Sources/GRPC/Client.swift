// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// Threads that do the I/O of clients. Several clients may share one.
public final class IOThreads: Sendable {
  let group: MultiThreadedEventLoopGroup

  public init(count: Int = 1) {
    group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, count))
  }

  /// Ends the threads. Close the clients first.
  public func shutdown() {
    group.shutdownGracefully { _ in }
  }
}

/// How a client is set up.
public struct ClientConfiguration: Sendable {
  public var limits: Limits
  /// Time to resolve the name and connect.
  public var connectTimeout = Duration.seconds(10)
  /// What the client calls itself.
  public var userAgent = "swift-nghttp2-grpc"
  /// Threads to share with other clients; nil for one of the client's own.
  public var threads: IOThreads?

  public init() {
    limits = Limits()
    // A client reads what it asked for, so large replies may come fast.
    limits.streamWindowBytes = 1 << 20
  }
}

/// A gRPC client: one connection, many calls at once.
///
/// It connects with the first call, resolving the name then, and again after the connection is
/// lost; a call that finds no server fails with UNAVAILABLE. Completions are called on the I/O
/// thread. All methods may be called from any thread.
public final class Client: Sendable {
  private let loop: any EventLoop
  private let ownThreads: IOThreads?
  private let core: NIOLoopBoundBox<ClientCore?>

  public init(_ address: HostPort, configuration: ClientConfiguration = .init()) {
    let threads: IOThreads
    if let shared = configuration.threads {
      (threads, ownThreads) = (shared, nil)
    } else {
      threads = IOThreads()
      ownThreads = threads
    }
    loop = threads.group.next()
    core = .makeBoxSendingValue(nil, as: ClientCore?.self, eventLoop: loop)
    loop.execute { [core, loop] in
      core.value = ClientCore(address, configuration: configuration, loop: loop)
    }
  }

  /// Sends one message and receives one.
  /// - Parameters:
  ///   - timeout: nil to wait without end; otherwise the server is told, too.
  ///   - completion: called once, on the I/O thread.
  /// - Returns: a way to cancel the call.
  @discardableResult
  public func unary(
    _ path: String, _ message: OutgoingMessage, metadata: Metadata = .init(),
    timeout: Duration? = nil,
    completion: @escaping @Sendable (Result<ReceivedMessage, Status>) -> Void
  ) -> ClientStream {
    let deadline = timeout.map { MonotonicInstant.now().advanced(by: $0) }
    return start {
      ClientCall(
        path: path, metadata: metadata, deadline: deadline, request: message,
        kind: .unary(completion))
    }
  }

  /// Sends one message and receives one. Cancelling the task cancels the call.
  /// - Throws: how the call ended, if not OK.
  public func unary(
    _ path: String, _ message: OutgoingMessage, metadata: Metadata = .init(),
    timeout: Duration? = nil
  ) async throws(Status) -> ReceivedMessage {
    let deadline = timeout.map { MonotonicInstant.now().advanced(by: $0) }
    let stream = ClientStream(loop: loop)
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        start(stream) {
          ClientCall(
            path: path, metadata: metadata, deadline: deadline, request: message,
            kind: .unary { continuation.resume(returning: $0) })
        }
      }
    } onCancel: {
      stream.cancel()
    }
    return try result.get()
  }

  /// Sends one message and passes the bytes of the reply on as they come, so that a reply of any
  /// size costs no memory. The limit on messages does not apply; the server is asked not to
  /// compress. Cancelling the task cancels the call.
  /// - Parameters:
  ///   - timeout: nil to wait without end; otherwise the server is told, too.
  ///   - reading: called with the next bytes of the message, in order, on the I/O thread; throws to
  ///     end the call with that status. Never called after this method has returned.
  /// - Throws: how the call ended, if not OK.
  public func unary(
    _ path: String, _ message: OutgoingMessage, metadata: Metadata = .init(),
    timeout: Duration? = nil,
    reading: @escaping @Sendable (UnsafeRawBufferPointer) throws(Status) -> Void
  ) async throws(Status) {
    let deadline = timeout.map { MonotonicInstant.now().advanced(by: $0) }
    let stream = ClientStream(loop: loop)
    let status: Status = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        start(stream) {
          ClientCall(
            path: path, metadata: metadata, deadline: deadline, request: message,
            kind: .passing(bytes: reading) { continuation.resume(returning: $0) })
        }
      }
    } onCancel: {
      stream.cancel()
    }
    guard status.code == .ok else { throw status }
  }

  /// Begins a call with any number of messages each way.
  /// - Parameters:
  ///   - message: called for each message, on the I/O thread.
  ///   - completion: called once, last, on the I/O thread.
  public func stream(
    _ path: String, metadata: Metadata = .init(), timeout: Duration? = nil,
    message: @escaping @Sendable (ReceivedMessage) -> Void,
    completion: @escaping @Sendable (Status) -> Void
  ) -> ClientStream {
    let deadline = timeout.map { MonotonicInstant.now().advanced(by: $0) }
    return start {
      ClientCall(
        path: path, metadata: metadata, deadline: deadline, request: nil,
        kind: .streaming(message: message, completion: completion))
    }
  }

  /// Closes the connection. Calls in flight and later ones fail with CANCELLED.
  public func close() {
    let threads = ownThreads
    loop.execute { [core] in
      core.value?.close()
      threads?.shutdown()
    }
  }

  private func start(_ make: @escaping @Sendable () -> ClientCall) -> ClientStream {
    let stream = ClientStream(loop: loop)
    start(stream, make)
    return stream
  }

  private func start(_ stream: ClientStream, _ make: @escaping @Sendable () -> ClientCall) {
    let begin: @Sendable () -> Void = { [core] in
      let call = make()
      stream.attach(call)
      core.value?.start(call)
    }
    // A call made in the completion of another goes out in the same write.
    if loop.inEventLoop { begin() } else { loop.execute(begin) }
  }
}

/// A call in flight, from the caller's side. Any thread.
public final class ClientStream: Sendable {
  private let loop: any EventLoop
  private let call: NIOLoopBoundBox<ClientCall?>

  init(loop: any EventLoop) {
    self.loop = loop
    call = .makeBoxSendingValue(nil, as: ClientCall?.self, eventLoop: loop)
  }

  func attach(_ call: ClientCall) {
    self.call.value = call
  }

  /// Sends one message. Not for unary calls.
  public func send(_ message: OutgoingMessage) {
    loop.execute { [call] in
      guard let call = call.value, !call.isHalfClosed, !call.isFinished else { return }
      call.outgoing.append(message)
      call.connection?.outgoingChanged(call)
    }
  }

  /// Sends no more.
  public func halfClose() {
    loop.execute { [call] in
      guard let call = call.value, !call.isHalfClosed, !call.isFinished else { return }
      call.isHalfClosed = true
      call.connection?.outgoingChanged(call)
    }
  }

  /// Ends the call; its completion gets CANCELLED.
  public func cancel() {
    loop.execute { [call] in
      guard let call = call.value, !call.isFinished else { return }
      let status = Status(.cancelled, "the caller cancelled the call")
      if let connection = call.connection {
        connection.cancel(call, status)
      } else {
        call.finish(status)
      }
    }
  }
}
