// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A gRPC server: one I/O thread for all connections, worker threads for the handlers that take
/// long.
///
///     var router = Router()
///     router.unary("/echo.Echo/Echo", placement: { _ in .inline }) { message, _ in
///       message.withUnsafeBytes { OutgoingMessage($0) }
///     }
///     let server = Server(configuration: ServerConfiguration(), router: router)
///     print(try server.start().port)
///     server.waitUntilClosed()
///
/// All methods may be called from any thread but the server's own.
public final class Server: Sendable {
  private enum State {
    case idle
    case running(Running)
    case draining(Running)
    /// The threads are told to end.
    case ended
  }

  private struct Running: Sendable {
    var listener: any Channel
    var core: NIOLoopBound<ServerCore>
    var sockets: NIOLoopBound<OpenSockets>
  }

  private let configuration: ServerConfiguration
  private let router: Router
  private let observer: (@Sendable (CallRecord) -> Void)?
  private let group: MultiThreadedEventLoopGroup
  private let loop: any EventLoop
  private let workers: WorkerPool
  private let state = Mutex(State.idle)
  private let closed: EventLoopPromise<Void>

  /// The account of all message memory. Handlers reserve the memory they decode into.
  public let memoryBudget: MemoryBudget

  /// - Parameters:
  ///   - memoryBudget: the account to use, for handlers that must know it first; nil to make one
  ///     of `Limits.memoryBudgetBytes`.
  ///   - observer: told about each finished call, on the I/O thread: be quick.
  public init(
    configuration: ServerConfiguration, router: Router, memoryBudget: MemoryBudget? = nil,
    observer: (@Sendable (CallRecord) -> Void)? = nil
  ) {
    self.configuration = configuration
    self.router = router
    self.observer = observer
    self.memoryBudget =
      memoryBudget ?? MemoryBudget(configuration.limits)
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    loop = group.next()
    workers = WorkerPool(workers: configuration.workers, queueDepth: configuration.queueDepth)
    closed = loop.makePromise()
  }

  deinit {
    shutdown()
  }

  /// Listens and serves.
  /// - Returns: the numeric address, with the port the system chose.
  /// - Throws: ``ListenError``.
  public func start() throws -> HostPort {
    do {
      let core = try makeCore()
      let limits = configuration.limits
      let sockets = try loop.submit { [loop] in
        NIOLoopBound(OpenSockets(limits), eventLoop: loop)
      }.wait()
      let bootstrap = ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 1_024)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .serverChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(AcceptPause(limits.acceptPause))
          }
        }
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        .childChannelOption(
          .writeBufferWaterMark,
          value: .init(low: limits.outputHighWater / 4, high: limits.outputHighWater)
        )
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try Server.accept(channel, core.value, sockets.value)
          }
        }
      let listener = try bootstrap.bind(host: configuration.host, port: configuration.port).wait()
      let running = Running(listener: listener, core: core, sockets: sockets)
      state.withLock { $0 = .running(running) }
      return HostPort(
        host: listener.localAddress?.ipAddress ?? configuration.host,
        port: listener.localAddress?.port ?? configuration.port)
    } catch {
      shutdown()
      throw ListenError(
        description:
          "cannot listen on \(configuration.host):\(configuration.port): \(socketProblem(error))")
    }
  }

  private func makeCore() throws -> NIOLoopBound<ServerCore> {
    let (router, limits, budget, workers, observer, loop) = (
      router, configuration.limits, memoryBudget, workers, observer, loop
    )
    return try loop.submit {
      let reference = NIOLoopBoundBox<ServerCore?>(nil, eventLoop: loop)
      let mailbox = Mailbox {
        loop.execute { reference.value?.deliverMail(now: .now()) }
      }
      let core = ServerCore(
        router: router, limits: limits, budget: budget, mailbox: mailbox, executor: workers,
        observer: observer, clock: { .now() })
      reference.value = core
      return NIOLoopBound(core, eventLoop: loop)
    }.wait()
  }

  private static func accept(
    _ channel: any Channel, _ core: ServerCore, _ sockets: OpenSockets
  ) throws {
    let peer = channel.remoteAddress.map { "\($0.ipAddress ?? "unknown"):\($0.port ?? 0)" }
    guard let connection = core.makeConnection(peer: peer ?? "unknown", now: .now()) else {
      // As many connections as there may be: this one is closed at once.
      channel.close(promise: nil)
      return
    }
    sockets.add(channel)
    let handler = ConnectionHandler(
      connection, limits: core.limits, output: sockets.output, lingers: { sockets.lingers($0) })
    do {
      try channel.pipeline.syncOperations.addHandler(handler)
    } catch {
      // The client left in between.
      core.remove(connection)
      throw error
    }
  }

  /// Ends gracefully: listens no more, tells every client with GOAWAY, lets calls in flight
  /// finish, and closes whatever is left after `grace`. Returns at once; see
  /// ``waitUntilClosed()``.
  public func drain(grace: Duration) {
    let (loop, closed) = (loop, closed)
    let running = state.withLock { state -> Running? in
      switch state {
      case .running(let running):
        state = .draining(running)
        return running
      case .idle:
        closed.succeed(())
        return nil
      case .draining, .ended:
        return nil
      }
    }
    guard let running else { return }
    loop.execute {
      running.listener.close(promise: nil)
      running.core.value.drain(now: .now())
      let closings = running.sockets.value.all.map(\.closeFuture)
      EventLoopFuture.andAllComplete(closings, on: loop).whenComplete { _ in
        closed.succeed(())
      }
      loop.scheduleTask(in: .nanoseconds(grace.saturatingNanoseconds)) {
        for channel in running.sockets.value.all { channel.close(promise: nil) }
      }
    }
  }

  /// Returns when every connection is closed after ``drain(grace:)``, and ends the threads.
  public func waitUntilClosed() {
    try? closed.futureResult.wait()
    shutdown()
  }

  private func shutdown() {
    let wasEnded = state.withLock { state in
      defer { state = .ended }
      if case .ended = state { return true } else { return false }
    }
    guard !wasEnded else { return }
    closed.succeed(())
    // Workers that still run post their results to the I/O thread, so that ends last.
    workers.shutdown { [group] in group.shutdownGracefully { _ in } }
  }
}

/// The sockets of a server's connections, on the I/O thread: also of those connections that are over
/// and whose last frames are on their way.
private final class OpenSockets {
  /// So many connections, each with some 50 KiB at the worst, are worth a look through the heap, which
  /// takes a millisecond.
  private static let crowd = 64
  private static let trimDelay = TimeAmount.seconds(1)

  /// What they send goes through here.
  let output = OutputBuffer()
  private let limits: Limits
  private var channels: [ObjectIdentifier: any Channel] = [:]
  /// The most there were since memory was last given back.
  private var most = 0
  /// Longest first.
  private var lingering: [any Channel] = []

  init(_ limits: Limits) {
    self.limits = limits
  }

  var all: [any Channel] { Array(channels.values) }

  func add(_ channel: any Channel) {
    let key = ObjectIdentifier(channel)
    channels[key] = channel
    most = max(most, channels.count)
    channel.closeFuture.assumeIsolated().whenComplete { [self] _ in
      channels[key] = nil
      lingering.removeAll { $0 === channel }
      returnMemory(channel.eventLoop)
    }
  }

  /// When a crowd has gone, what its connections took goes back to the system. malloc by itself gives back
  /// the end of its heap alone, and there is always something left near the end.
  private func returnMemory(_ loop: any EventLoop) {
    guard most >= OpenSockets.crowd, channels.count <= most / 2 else { return }
    most = channels.count
    // The last of them is not taken apart yet.
    loop.scheduleTask(in: OpenSockets.trimDelay) { malloc_trim(0) }
  }

  /// The connection of this socket is over. Where too many linger, the first has had its time.
  func lingers(_ channel: any Channel) {
    lingering.append(channel)
    if lingering.count > limits.lingeringConnections {
      lingering.removeFirst().close(promise: nil)
    }
  }
}
