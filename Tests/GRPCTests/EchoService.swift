// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import GRPC
import Synchronization

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

  /// Spins until the call is cancelled and counts that.
  static let cancellations = Atomic<Int>(0)

  static func router() -> Router {
    var router = Router()
    router.unary("/test.Echo/Echo", placement: { $0.count > 4_096 ? .worker : .inline }) { message, _ in
      message.withUnsafeBytes { OutgoingMessage($0) }
    }
    router.unary("/test.Echo/Work", placement: { _ in .worker }) { message, _ in
      message.withUnsafeBytes { OutgoingMessage($0) }
    }
    router.unary("/test.Echo/Fail", placement: { _ in .inline }) { message, _ in
      throw Status(.failedPrecondition, "100% naïve")
    }
    router.unary("/test.Echo/Hang", placement: { _ in .worker }) { _, context in
      do {
        while true { try context.checkCancellation() }
      } catch {
        cancellations.wrappingAdd(1, ordering: .relaxed)
        throw error
      }
    }
    router.streaming("/test.Echo/Stream") { _, writer in Bidirectional(writer) }
    return router
  }
}
