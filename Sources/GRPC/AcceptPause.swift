// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Lets nobody in for a while after the system refused a connection.
///
/// As a rule it has no descriptors left. The connection stays at the door then, so that epoll reports
/// it again at once: without a pause the I/O thread does nothing else. SwiftNIO's own
/// `AcceptBackoffHandler` delays the next read but leaves the listener registered for reading.
final class AcceptPause: ChannelInboundHandler {
  typealias InboundIn = any Channel

  private let pause: TimeAmount

  init(_ pause: Duration) {
    self.pause = .nanoseconds(pause.saturatingNanoseconds)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is IOError else { return context.fireErrorCaught(error) }
    let channel = context.channel
    // Neither fails but where the listener is closed.
    _ = channel.setOption(.autoRead, value: false)
    channel.eventLoop.scheduleTask(in: pause) { channel.setOption(.autoRead, value: true) }
  }
}
