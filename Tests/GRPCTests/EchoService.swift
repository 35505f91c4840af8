// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import GRPC

/// The methods the tests call.
enum EchoService {
  /// Sends every message back and ends with the client.
  final class Bidirectional: StreamHandler {
    private let writer: ResponseWriter

    init(_ writer: ResponseWriter) { self.writer = writer }

    func receive(_ message: ReceivedMessage) {
      writer.send(OutgoingMessage(message.withUnsafeBytes { Array($0) }))
    }

    func halfClosed() { writer.finish(.ok) }
    func closed() {}
  }

  static let inline: @Sendable (UnsafeRawBufferPointer) -> Placement = { _ in .inline }
  static let worker: @Sendable (UnsafeRawBufferPointer) -> Placement = { _ in .worker }
  private static let bySize: @Sendable (UnsafeRawBufferPointer) -> Placement = {
    $0.count > 4_096 ? .worker : .inline
  }

  @Sendable private static func echo(
    _ message: ReceivedMessage, _ context: CallContext
  ) -> OutgoingMessage {
    message.withUnsafeBytes { OutgoingMessage($0) }
  }

  /// - Parameters:
  ///   - hangs: called when a Hang begins, which spins until its call is cancelled.
  ///   - ends: called when it has noticed.
  static func router(
    hangs: @escaping @Sendable () -> Void = {}, ends: @escaping @Sendable () -> Void = {}
  ) -> Router {
    var router = Router()
    router.unary("/test.Echo/Echo", placement: bySize, echo)
    router.unary("/test.Echo/Work", placement: worker, echo)
    router.unary("/test.Echo/Fail", placement: inline) { _, _ in
      throw Status(.failedPrecondition, "100% naïve")
    }
    router.unary("/test.Echo/Metadata", placement: inline) { _, context in
      let text = Array((context.metadata["x-text"] ?? "").utf8)
      return OutgoingMessage(text + context.metadata.binaryValues("x-bin").joined())
    }
    router.unary("/test.Echo/Hang", placement: worker) { _, context in
      hangs()
      defer { ends() }
      while true { try context.checkCancellation() }
    }
    router.streaming("/test.Echo/Stream") { _, writer in Bidirectional(writer) }
    return router
  }

  /// Swallows what it gets, on a worker.
  static func sizeRouter() -> Router {
    var router = Router()
    router.unary("/test.Echo/Echo", placement: worker) { _, _ in OutgoingMessage([]) }
    return router
  }
}
