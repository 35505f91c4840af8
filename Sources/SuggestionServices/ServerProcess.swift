// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
public import GRPC
internal import Glibc
internal import KatibAPI
public import Logging

/// Where to listen.
public struct ListenAddress: Sendable, Equatable {
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// `host:port`, `[v6]:port` or `:port`; nil when it is none of these.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
  }
}

/// The pod's service account, mounted by Kubernetes.
public enum ServiceAccount {
  public static let directory = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The namespace of this process; nil outside a cluster.
  public static func namespace() -> String? {
    guard let file = fopen(directory + "/namespace", "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count], as: UTF8.self).prefix { !$0.isWhitespace }
    return text.isEmpty ? nil : String(text)
  }
}

/// The life of a server process: bind, serve, and on SIGTERM or SIGINT drain and end.
///
/// A drain announces NOT_SERVING, sends GOAWAY twice and lets calls in flight finish within the
/// grace period; a second signal ends at once. Nothing is kept, so SIGKILL loses nothing either.
public struct ServerProcess {
  private let configuration: ServerConfiguration
  private let grace: Int
  private let logger: Logger

  /// The account of message memory that the transport and the services of this process share.
  public let memoryBudget: MemoryBudget

  /// - Parameter grace: seconds that calls in flight get after a signal.
  public init(configuration: ServerConfiguration, grace: Int, logger: Logger) {
    self.configuration = configuration
    self.grace = grace
    self.logger = logger
    memoryBudget = MemoryBudget(bytes: configuration.limits.memoryBudgetBytes)
  }

  /// Returns when the server has drained.
  /// - Throws: what binding the address throws.
  public func serve(_ router: inout Router, health: HealthService, services: [String]) throws {
    health.register(in: &router)
    ReflectionService(
      index: DescriptorIndex.builtIn,
      services: services + ["grpc.health.v1.Health"] + ReflectionService.serviceNames
    ).register(in: &router)
    let logger = self.logger
    // Blocked before any other thread exists: from now on a signal waits until somebody takes it,
    // so none is lost and none kills, however early it comes.
    let signals = BlockedSignals([SIGTERM, SIGINT])
    let observer: @Sendable (CallRecord) -> Void = { log($0, logger) }
    let server = Server(
      configuration: configuration, router: router, memoryBudget: memoryBudget,
      observer: logger.logLevel <= .debug ? observer : nil)
    let bound = try server.start()
    logger.notice(
      "serving",
      metadata: [
        "address": "\(bound.host):\(bound.port)", "version": "\(Version.text)",
      ])
    drainOnSignal(signals, server, health)
    server.waitUntilClosed()
    logger.notice("stopped")
  }

  private func drainOnSignal(
    _ signals: BlockedSignals, _ server: Server, _ health: HealthService
  ) {
    let (logger, grace) = (self.logger, self.grace)
    DispatchQueue(label: "signals").async {
      let number = signals.wait()
      logger.notice("draining", metadata: ["signal": "\(number)", "grace": "\(grace) s"])
      health.stopServing()
      server.drain(grace: .seconds(grace))
      _ = signals.wait()
      logger.warning("second signal, ending at once")
      exit(1)
    }
  }
}

/// Signals that no thread is interrupted by, and that one thread waits for.
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

@Sendable private func log(_ record: CallRecord, _ logger: Logger) {
  logger.debug(
    "call",
    metadata: [
      "path": "\(record.path)", "peer": "\(record.peer)", "status": "\(record.status.code)",
      "received": "\(record.bytesReceived)", "sent": "\(record.bytesSent)",
      "queued": "\(record.queued)", "took": "\(record.duration)",
    ])
}
