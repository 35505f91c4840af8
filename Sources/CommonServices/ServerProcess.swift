// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
public import GRPC
internal import Glibc
internal import KatibAPI
public import Logging

/// The life of a server process: bind, serve, and on SIGTERM or SIGINT drain and end.
///
/// A drain announces NOT_SERVING, sends GOAWAY twice and lets calls in flight finish within the
/// grace period; a second signal ends at once. Nothing is kept, so SIGKILL loses nothing either.
public struct ServerProcess {
  private let configuration: ServerConfiguration
  private let grace: Int
  private let logger: Logger
  private let log: LogWriter

  /// Time that the last lines get to leave when the process ends.
  private static let flushTime = Duration.seconds(1)

  /// The account of message memory that the transport and the services of this process share.
  public let memoryBudget: MemoryBudget

  /// - Parameters:
  ///   - grace: seconds that calls in flight get after a signal.
  ///   - log: where the logger's lines go.
  public init(
    configuration: ServerConfiguration, grace: Int, logger: Logger, log: LogWriter
  ) {
    self.configuration = configuration
    self.grace = grace
    self.logger = logger
    self.log = log
    memoryBudget = MemoryBudget(configuration.limits)
  }

  /// Returns when the server has drained. Ends the process with 1 when it cannot listen: the log says
  /// why, in the format that was asked for.
  public func serve(_ router: inout Router, health: HealthService, services: [String]) {
    defer { log.flush(within: ServerProcess.flushTime) }
    health.register(in: &router)
    ReflectionService(
      index: DescriptorIndex.builtIn,
      services: services + ["grpc.health.v1.Health"] + ReflectionService.serviceNames,
      budget: memoryBudget
    ).register(in: &router)
    let logger = self.logger
    // Blocked before any other thread exists: from now on a signal waits until somebody takes it,
    // so none is lost and none kills, however early it comes.
    let signals = BlockedSignals([SIGTERM, SIGINT])
    ServerProcess.raiseDescriptorLimit()
    let observer: @Sendable (CallRecord) -> Void = { logCall($0, logger) }
    let server = Server(
      configuration: configuration, router: router, memoryBudget: memoryBudget,
      observer: logger.logLevel <= .debug ? observer : nil)
    let bound = start(server)
    logger.notice(
      "serving",
      metadata: [
        "address": "\(bound.text)",
        "version": "\(Version.text)",
      ])
    let number = signals.wait()
    // Nothing may come before these two, not even the line about them.
    health.stopServing()
    server.drain(grace: .seconds(grace))
    logger.notice("draining", metadata: ["signal": "\(number)", "grace": "\(grace) s"])
    endOnSignal(signals)
    server.waitUntilClosed()
    logger.notice("stopped")
  }

  /// Takes as many descriptors as the process may have: what a shell or an old container runtime
  /// grants at first can be less than there may be connections.
  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
      limit.rlim_cur < limit.rlim_max
    else { return }
    limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 4_096))
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private func start(_ server: Server) -> HostPort {
    do {
      return try server.start()
    } catch {
      logger.critical("\(error)")
      log.flush(within: ServerProcess.flushTime)
      exit(1)
    }
  }

  private func endOnSignal(_ signals: BlockedSignals) {
    let (logger, log) = (self.logger, self.log)
    DispatchQueue(label: "signals").async {
      _ = signals.wait()
      logger.warning("second signal, ending at once")
      log.flush(within: ServerProcess.flushTime)
      exit(1)
    }
  }
}

/// Signals that no thread is interrupted by, and that one thread at a time waits for.
private struct BlockedSignals: Sendable {
  private let numbers: [Int32]

  init(_ numbers: [Int32]) {
    self.numbers = numbers
    var set = BlockedSignals.set(numbers)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// Returns the number of the next signal.
  func wait() -> Int32 {
    var set = BlockedSignals.set(numbers)
    var number: Int32 = 0
    while sigwait(&set, &number) != 0 {}
    return number
  }

  private static func set(_ numbers: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    return set
  }
}

@Sendable private func logCall(_ record: CallRecord, _ logger: Logger) {
  logger.debug(
    "call",
    metadata: [
      "path": "\(record.path)", "peer": "\(record.peer)", "status": "\(record.status.code)",
      "received": "\(record.bytesReceived)", "sent": "\(record.bytesSent)",
      "queued": "\(record.queued)", "took": "\(record.duration)",
    ])
}
