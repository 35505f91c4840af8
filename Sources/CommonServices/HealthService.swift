// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import GRPC
internal import KatibAPI
internal import Synchronization

/// `grpc.health.v1.Health`: what the kubelet's probes ask, and what a drain announces.
///
/// One state for all names: this process either serves everything or nothing. Check answers on the
/// I/O thread, so a probe is never behind a long computation.
public final class HealthService: Sendable {
  private let names: Set<String>
  private let arenas = ArenaPool()
  private let isServing = Atomic(true)

  /// - Parameter names: the service names that exist, "" for the whole server among them.
  public init(names: Set<String>) {
    self.names = names
  }

  public func register(in router: inout Router) {
    let traits = MethodTraits(messageBytes: ServiceLimits.nameRequestBytes)
    router.unary(
      "/grpc.health.v1.Health/Check", placement: { _ in .inline }, traits: traits,
      { message, _ in
        let service = try self.service(message)
        guard self.names.contains(service) else {
          throw Status(.notFound, "unknown service \"\(service.prefix(200))\"")
        }
        return try self.reply(self.status)
      })
    router.streaming("/grpc.health.v1.Health/Watch", traits: traits) { _, writer in
      HealthWatch(health: self, writer: writer)
    }
  }

  /// Announces NOT_SERVING to every probe from now on. The watches hear of it, and end, when the
  /// server begins to drain: they would never end by themselves.
  public func stopServing() {
    isServing.store(false, ordering: .releasing)
  }

  private var status: HealthCheckResponse.ServingStatus {
    isServing.load(ordering: .acquiring) ? .serving : .notServing
  }

  fileprivate func service(_ message: ReceivedMessage) throws -> String {
    do {
      return try message.withUnsafeBytes {
        try HealthCheckRequest(decoding: $0, using: arenas).service
      }
    } catch {
      throw ErrorStatus.status(of: error)
    }
  }

  private func reply(_ status: HealthCheckResponse.ServingStatus) throws -> OutgoingMessage {
    try OutgoingMessage(HealthCheckResponse(status: status), using: arenas)
  }

  fileprivate func send(_ status: HealthCheckResponse.ServingStatus, to watch: ResponseWriter) {
    do {
      watch.send(try reply(status))
    } catch {
      watch.finish(ErrorStatus.status(of: error))
    }
  }

  /// Sends the first answer to a watch.
  /// - Returns: whether the name is known, which never changes.
  fileprivate func watch(_ service: String, _ writer: ResponseWriter) -> Bool {
    let isKnown = names.contains(service)
    send(isKnown ? status : .serviceUnknown, to: writer)
    return isKnown
  }
}

/// One open Watch call.
private final class HealthWatch: StreamHandler {
  private let health: HealthService
  private let writer: ResponseWriter
  /// Both change on the I/O thread alone.
  private let wasAsked = Atomic(false)
  private let isUnknown = Atomic(false)

  init(health: HealthService, writer: ResponseWriter) {
    self.health = health
    self.writer = writer
  }

  func receive(_ message: ReceivedMessage) {
    guard !wasAsked.exchange(true, ordering: .relaxed) else {
      writer.finish(Status(.unimplemented, "Watch takes one request"))
      return
    }
    do {
      let isKnown = health.watch(try health.service(message), writer)
      isUnknown.store(!isKnown, ordering: .relaxed)
    } catch {
      writer.finish(ErrorStatus.status(of: error))
    }
  }

  func halfClosed() {
    if !wasAsked.load(ordering: .relaxed) {
      writer.finish(Status(.unimplemented, "Watch takes one request, none came"))
    }
  }

  func draining() {
    if !isUnknown.load(ordering: .relaxed) { health.send(.notServing, to: writer) }
    writer.finish(Status(.unavailable, "the server is shutting down"))
  }

  func closed() {}
}
