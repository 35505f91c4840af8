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
  private let state = Mutex(State())

  private struct State {
    var isServing = true
    var nextWatch = 0
    var watches: [Int: ResponseWriter] = [:]
  }

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
        return try self.reply(self.state.withLock { $0.isServing } ? .serving : .notServing)
      })
    router.streaming("/grpc.health.v1.Health/Watch", traits: traits) { _, writer in
      HealthWatch(health: self, writer: writer)
    }
  }

  /// Announces NOT_SERVING to every probe from now on and to every watch at once, and ends the
  /// watches: they would never end by themselves and hold up a drain.
  public func stopServing() {
    let watches = state.withLock { state -> [ResponseWriter] in
      state.isServing = false
      return Array(state.watches.values)
    }
    for watch in watches {
      send(.notServing, to: watch)
      watch.finish(Status(.unavailable, "the server is shutting down"))
    }
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

  private func send(_ status: HealthCheckResponse.ServingStatus, to watch: ResponseWriter) {
    do {
      watch.send(try reply(status))
    } catch {
      watch.finish(ErrorStatus.status(of: error))
    }
  }

  /// - Returns: the number of the watch, nil for a name that nobody serves (which may not change).
  fileprivate func watch(_ service: String, _ writer: ResponseWriter) -> Int? {
    guard names.contains(service) else {
      send(.serviceUnknown, to: writer)
      return nil
    }
    return state.withLock { state in
      // Sent under the lock, so that a change cannot overtake the first answer.
      send(state.isServing ? .serving : .notServing, to: writer)
      state.nextWatch += 1
      state.watches[state.nextWatch] = writer
      return state.nextWatch
    }
  }

  fileprivate func unwatch(_ watch: Int) {
    state.withLock { _ = $0.watches.removeValue(forKey: watch) }
  }
}

/// One open Watch call.
private final class HealthWatch: StreamHandler {
  private let health: HealthService
  private let writer: ResponseWriter
  private let watch = Mutex<(wasAsked: Bool, number: Int?)>((false, nil))

  init(health: HealthService, writer: ResponseWriter) {
    self.health = health
    self.writer = writer
  }

  func receive(_ message: ReceivedMessage) {
    do {
      let service = try health.service(message)
      let isFirst = watch.withLock { state in
        defer { state.wasAsked = true }
        return !state.wasAsked
      }
      guard isFirst else {
        writer.finish(Status(.unimplemented, "Watch takes one request"))
        return
      }
      let number = health.watch(service, writer)
      watch.withLock { $0.number = number }
    } catch {
      writer.finish(ErrorStatus.status(of: error))
    }
  }

  func halfClosed() {
    if !watch.withLock({ $0.wasAsked }) {
      writer.finish(Status(.unimplemented, "Watch takes one request, none came"))
    }
  }

  func closed() {
    if let number = watch.withLock({ $0.number }) { health.unwatch(number) }
  }
}
