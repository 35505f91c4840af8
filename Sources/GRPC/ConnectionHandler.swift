// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Where the connections of one I/O thread gather their frames, one after the other. What a full socket
/// leaves keeps the memory, and the next turn takes new.
///
/// One for all of them: it stays in the CPU's cache, and a connection that waits holds no memory for it.
final class OutputBuffer {
  fileprivate var bytes = ByteBuffer()
}

/// Joins a ``Connection`` to a socket: reads go in, and once per turn everything there is to send
/// goes out in one write.
///
/// One write per turn is worth five times the throughput of one write per frame: a small reply is
/// three frames, and clients pipeline.
final class ConnectionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Frames are gathered into a buffer until it has this much, and leave in one system call. With the
  /// largest frame on top (16 KiB and its head) it just fits into 32 KiB, and a
  /// ByteBuffer grows by powers of two.
  static let chunkBytes = 15 << 10
  /// How long the peer may take to close its side, once the last frames have left.
  private static let lingerTime = TimeAmount.seconds(1)

  private let connection: any Connection
  /// How long a peer may take nothing of the last frames.
  private let stallTime: Duration
  /// Told when the connection is over but for its last frames.
  private let lingers: ((any Channel) -> Void)?
  private var context: ChannelHandlerContext?
  private let output: OutputBuffer
  private var timer: Scheduled<Void>?
  private var timerAt: MonotonicInstant?
  /// The socket left something of the last write.
  private var isBehind = false
  private var isReading = false
  private var isLingering = false
  private var isInputClosed = false
  /// What a full socket held when last looked at.
  private var backlog: SocketBacklog?

  init(
    _ connection: any Connection, limits: Limits, output: OutputBuffer,
    lingers: ((any Channel) -> Void)? = nil
  ) {
    self.connection = connection
    self.output = output
    self.lingers = lingers
    stallTime = limits.stalledReplyTimeout
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    connection.outputReady = { [unowned self] in
      // Inside a read the turn ends with a write anyway.
      if !isReading, let context = self.context { endTurn(context) }
    }
    if context.channel.isActive { endTurn(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end()
  }

  func channelActive(context: ChannelHandlerContext) {
    endTurn(context)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed? = event as? ChannelEvent {
      isInputClosed = true
      if !isLingering {
        connection.inputClosed(now: .now())
        endTurn(context)
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset by the peer, mostly. Whatever it is, the connection is of no use any more.
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLingering else { return }
    isReading = true
    let bytes = unwrapInboundIn(data)
    bytes.withUnsafeReadableBytes { connection.receive($0, now: .now()) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    endTurn(context)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard !isLingering else { return }
    let isWritable = context.channel.isWritable
    backlog = isWritable ? nil : SocketBacklog(context.channel)
    connection.outputBlocked(!isWritable, now: .now())
    // While the peer does not read, it is not read from.
    context.channel.setOption(.autoRead, value: isWritable).assumeIsolated().whenFailure { _ in }
    if isWritable { endTurn(context) } else { schedule(context) }
  }

  private func endTurn(_ context: ChannelHandlerContext) {
    guard !isLingering else { return }
    write(context)
    // What the socket has to say to the write may have ended the connection already.
    guard !isLingering else { return }
    if connection.isDone || connection.isFlooded {
      linger(context)
    } else {
      schedule(context)
    }
  }

  private func write(_ context: ChannelHandlerContext) {
    // Taken out of its place while it is filled: it is used for every frame.
    var buffer = ByteBuffer()
    swap(&buffer, &output.bytes)
    defer { swap(&buffer, &output.bytes) }
    while context.channel.isWritable, self.context != nil, !isLingering {
      buffer.clear()
      // What waits keeps its whole buffer, were it for one small frame: behind other output it gets one
      // of its size.
      let size = isBehind ? ConnectionHandler.chunkBytes / 4 : ConnectionHandler.chunkBytes
      ConnectionHandler.fill(&buffer, from: connection, until: size)
      guard buffer.readableBytes > 0 else { break }
      let bytes = isBehind ? ByteBuffer(buffer: buffer) : buffer
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
      let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
      isBehind = left.map { $0 > 0 } ?? false
    }
  }

  /// Gathers frames until the chunk is full or there are no more.
  private static func fill(
    _ buffer: inout ByteBuffer, from connection: any Connection, until size: Int
  ) {
    var frameWithoutRoom: UnsafeRawBufferPointer?
    repeat {
      frameWithoutRoom = nil
      let limit = size - buffer.readableBytes
      // The room there is, in one go: asking for it anew costs more than copying a small frame.
      buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { room in
        var count = 0
        while count < limit, let frame = connection.nextOutput() {
          guard frame.count <= room.count - count else {
            frameWithoutRoom = frame
            break
          }
          UnsafeMutableRawBufferPointer(rebasing: room[count...]).copyMemory(from: frame)
          count += frame.count
        }
        return count
      }
      if let frameWithoutRoom { buffer.writeBytes(frameWithoutRoom) }
    } while frameWithoutRoom != nil && buffer.readableBytes < size
  }

  // MARK: Time

  /// Makes sure the timer fires no later than the connection needs it.
  private func schedule(_ context: ChannelHandlerContext) {
    guard let wakeAt = connection.wakeAt, timerAt.map({ wakeAt < $0 }) ?? true else { return }
    timer?.cancel()
    timerAt = wakeAt
    // One clock: NIO's deadlines are CLOCK_MONOTONIC nanoseconds too.
    let deadline = NIODeadline.uptimeNanoseconds(UInt64(max(0, wakeAt.nanoseconds)))
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
      self?.timerFired()
    }
  }

  private func timerFired() {
    timer = nil
    timerAt = nil
    guard let context, !isLingering else { return }
    if let backlog {
      let left = SocketBacklog(context.channel)
      if left.hasMoved(since: backlog) { connection.outputBlocked(true, now: .now()) }
      self.backlog = left
    }
    connection.timerFired(now: .now())
    endTurn(context)
  }

  // MARK: The end

  /// Lets the last frames arrive: closing at once, with unread input, would make the kernel send a
  /// reset that overtakes them, and takes back what the peer has not acknowledged.
  private func linger(_ context: ChannelHandlerContext) {
    isLingering = true
    let isPatient = connection.endsWell
    end(keepingContext: true)
    let channel = context.channel
    lingers?(channel)
    if isInputClosed {
      // There is nothing unread and never will be. Closing the other half would drop what is not
      // written, though.
      let flushed = context.eventLoop.makePromise(of: Void.self)
      context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: flushed)
      flushed.futureResult.assumeIsolated().whenComplete { _ in channel.close(promise: nil) }
    } else {
      channel.close(mode: .output, promise: nil)
    }
    guard channel.isActive else { return }
    awaitPeer(channel, isPatient: isPatient, SocketBacklog(channel), since: .now())
  }

  /// Closes the socket when everything has arrived and the peer had the time to close it itself. A
  /// slow reader is waited for, as long as it reads, if the connection did not break the rules.
  private func awaitPeer(
    _ channel: any Channel, isPatient: Bool, _ backlog: SocketBacklog, since: MonotonicInstant
  ) {
    timer = channel.eventLoop.assumeIsolated().scheduleTask(in: ConnectionHandler.lingerTime) {
      [self] in
      timer = nil
      let left = SocketBacklog(channel)
      let now = MonotonicInstant.now()
      let since = left.hasMoved(since: backlog) ? now : since
      if left.isEmpty || !isPatient || now.duration(since: since) >= stallTime {
        channel.close(promise: nil)
      } else {
        awaitPeer(channel, isPatient: isPatient, left, since: since)
      }
    }
  }

  private func end(keepingContext: Bool = false) {
    timer?.cancel()
    timer = nil
    if !keepingContext { context = nil }
    guard connection.outputReady != nil else { return }
    connection.outputReady = nil
    connection.lost(now: .now())
  }
}
