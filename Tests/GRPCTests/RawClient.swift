// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GRPC

/// Runs jobs when a test says so.
final class ManualExecutor: CallExecutor {
  private let jobs = Mutex<[QueuedRequest]>([])
  let capacity: Int

  init(capacity: Int) { self.capacity = capacity }

  var count: Int { jobs.withLock { $0.count } }

  func submit(_ request: QueuedRequest, isShort: Bool) -> Bool {
    jobs.withLock { jobs in
      guard jobs.count < capacity || isShort else { return false }
      jobs.append(request)
      return true
    }
  }

  func withdraw(_ request: QueuedRequest) {
    jobs.withLock { $0.removeAll { $0 === request } }
  }

  func runNext() {
    let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    job?.run()
  }

  func runAll() { while count > 0 { runNext() } }
}

/// What the connections of a test share: the server without its sockets, threads and clock.
final class TestServer {
  let core: ServerCore
  let executor: ManualExecutor
  let records = RecordList()
  var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)

  final class RecordList: Sendable {
    private let records = Mutex<[CallRecord]>([])
    func append(_ record: CallRecord) { records.withLock { $0.append(record) } }
    var all: [CallRecord] { records.withLock { $0 } }
  }

  init(limits: Limits = Limits(), queue: Int = 16, router: Router = EchoService.router()) {
    executor = ManualExecutor(capacity: queue)
    let records = records
    core = ServerCore(
      router: router, limits: limits, budget: MemoryBudget(limits),
      mailbox: Mailbox {}, executor: executor, observer: { records.append($0) })
  }

  /// Runs what waits for a worker and hands out the results.
  func work() {
    executor.runAll()
    core.deliverMail(now: now)
  }
}

/// A client that writes its frames by hand, joined to a ``ServerConnection`` in memory.
final class RawClient {
  let server: TestServer
  let connection: ServerConnection
  private let parser = FrameParser()

  static let request: [(String, String)] = [
    (":method", "POST"), (":scheme", "http"), (":path", "/test.Echo/Echo"),
    (":authority", "test"), ("te", "trailers"), ("content-type", "application/grpc"),
  ]

  /// - Parameter settings: of the client; nil to send nothing at all.
  init(_ server: TestServer = TestServer(), settings: [(UInt16, UInt32)]? = []) throws {
    self.server = server
    connection = try #require(server.core.makeConnection(peer: "test:1", now: server.now))
    guard let settings else { return }
    send(RawFrame.preface + RawFrame.settings(settings))
    send(RawFrame.frame(.settings, flags: RawFrame.acknowledgement, stream: 0, []))
    _ = receive()
  }

  func send(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { connection.receive($0, now: server.now) }
  }

  /// Sends a whole unary request.
  func call(
    stream: Int32, path: String = "/test.Echo/Echo", extra: [(String, String)] = [],
    _ message: [UInt8] = [1, 2, 3]
  ) {
    var fields = RawClient.request.filter { $0.0 != ":path" }
    fields.insert((":path", path), at: 2)
    send(RawFrame.headers(stream: stream, fields + extra))
    send(RawFrame.data(stream: stream, RawFrame.message(message), endStream: true))
  }

  /// Everything the server has to send.
  func receive() -> [ParsedFrame] {
    while let output = connection.nextOutput() { parser.feed(output) }
    return parser.frames()
  }

  /// Moves the clock and fires what is due.
  func advance(_ duration: Duration) {
    server.now = server.now.advanced(by: duration)
    connection.timerFired(now: server.now)
  }
}

extension [ParsedFrame] {
  /// The frames of one stream.
  func on(_ stream: Int32) -> [ParsedFrame] { filter { $0.stream == stream } }

  func first(_ kind: RawFrame.Kind) -> ParsedFrame? { first { $0.has(kind) } }

  /// The gRPC status that a stream ended with.
  func status(_ stream: Int32 = 1) -> Int? {
    on(stream).last { $0.has(.headers) && $0.isEndStream }?["grpc-status"].flatMap { Int($0) }
  }

  /// The bytes of DATA frames.
  func body(_ stream: Int32 = 1) -> [UInt8] {
    on(stream).filter { $0.has(.data) }.flatMap(\.payload)
  }

  /// How a stream ended, in one word, for tables.
  func outcome(_ stream: Int32 = 1) -> String {
    let frames = on(stream)
    let reset = frames.first(.reset).map { "+RST\($0.errorCode)" } ?? ""
    let heads = frames.filter { $0.has(.headers) }
    guard let head = heads.first else {
      if let goAway = first(.goAway) { return "GOAWAY\(goAway.errorCode)" }
      return reset
    }
    guard head[":status"] == "200" else {
      return "HTTP \(head[":status"] ?? "none")/\(head["grpc-status"] ?? "-")" + reset
    }
    if heads.count == 1 {
      // Trailers only, or a reply that is not complete.
      guard head.isEndStream else { return "open" + reset }
      return "TO \(head["grpc-status"] ?? "-")" + reset
    }
    return "\(heads[1]["grpc-status"] ?? "-")" + reset
  }
}
