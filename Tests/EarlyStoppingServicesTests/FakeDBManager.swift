// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import GRPC
import Glibc
import KatibAPI
import Synchronization

/// A DB manager whose logs and moods a test decides.
final class FakeDBManager: Sendable {
  struct State {
    var logs: [String: [MetricLog]] = [:]
    /// How often each trial was asked for.
    var asked: [String: Int] = [:]
    /// Refusals to give before answering, by trial.
    var refusals: [String: [Status]] = [:]
    /// Trials whose log never comes.
    var silent: Set<String> = []
  }

  let state = Mutex(State())
  private let server: Server
  let address: String
  private let arenas = ArenaPool()

  init() throws {
    let box = Mutex<FakeDBManager?>(nil)
    let holder = Holder(box: box)
    var router = Router()
    router.unary(
      "/api.v1.beta1.DBManager/GetObservationLog", placement: { _ in .worker },
      { message, context in try holder.answer(message, context) })
    server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0, workers: 8, queueDepth: 2000),
      router: router)
    address = "127.0.0.1:\(try server.start().port)"
    holder.box.withLock { $0 = self }
  }

  /// Breaks the circle of server, router and DB manager.
  private final class Holder: Sendable {
    let box: Mutex<FakeDBManager?>
    init(box: consuming Mutex<FakeDBManager?>) { self.box = box }

    func answer(_ message: ReceivedMessage, _ context: CallContext) throws -> OutgoingMessage {
      guard let manager = box.withLock({ $0 }) else { throw Status(.unavailable, "too early") }
      return try manager.answer(message, context)
    }
  }

  var askedTotal: Int { state.withLock { $0.asked.values.reduce(0, +) } }

  func stop() { server.drain(grace: .zero) }

  private func answer(
    _ message: ReceivedMessage, _ context: CallContext
  ) throws -> OutgoingMessage {
    let request = try message.withUnsafeBytes {
      try GetObservationLogRequest(decoding: $0, using: arenas)
    }
    let name = request.trialName
    let (refusal, log, isSilent) = state.withLock { state in
      state.asked[name, default: 0] += 1
      var refusal: Status?
      if state.refusals[name]?.isEmpty == false { refusal = state.refusals[name]?.removeFirst() }
      let log = (state.logs[name] ?? []).filter { $0.metricName == request.metricName }
      return (refusal, log, state.silent.contains(name))
    }
    if let refusal { throw refusal }
    while isSilent {
      try context.checkCancellation()
      usleep(5_000)
    }
    let bytes = try GetObservationLogReply(log: log).packed(using: arenas)
    return OutgoingMessage(bytes)
  }
}
