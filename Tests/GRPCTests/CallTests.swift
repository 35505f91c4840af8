// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization
import Testing

@testable import GRPC

/// Deadlines, cancellation, queues, memory and draining, with a clock moved by hand.
@Suite struct CallTests {
  @Test func deadlineWhileQueued() throws {
    let client = try RawClient()
    client.call(stream: 1, path: "/test.Echo/Work", extra: [("grpc-timeout", "2S")])
    #expect(client.receive().isEmpty)
    client.advance(.seconds(1))
    #expect(client.receive().isEmpty)
    client.advance(.seconds(1))
    #expect(client.receive().outcome() == "TO 4")
    // The worker finds nothing to do, and its queue place is all that is left.
    client.server.work()
    #expect(client.receive().isEmpty)
    #expect(client.server.records.all.map(\.status.code) == [.deadlineExceeded])
  }

  @Test func deadlineWhileReceiving() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request + [("grpc-timeout", "2S")]))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1], length: 100_000)))
    client.advance(.seconds(2))
    #expect(client.receive().outcome() == "TO 4+RST0")
    #expect(client.server.core.budget.used == 0)
  }

  /// A hundred requests in one turn held everybody up, also when nobody waited for them any more.
  @Test func deadlineBeforeWorkOnTheIOThread() throws {
    let client = try RawClient()
    client.send(
      RawFrame.headers(stream: 1, RawClient.request + [("grpc-timeout", "100m")]))
    client.server.now = client.server.now.advanced(by: .milliseconds(100))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1]), endStream: true))
    #expect(client.receive().outcome() == "TO 4")
  }

  @Test func deadlineStartsAtTheHeaders() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request + [("grpc-timeout", "2S")]))
    client.server.now = client.server.now.advanced(by: .seconds(1))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1], length: 2)))
    client.advance(.seconds(1))
    #expect(client.receive().outcome() == "TO 4+RST0")
  }

  @Test func cancellationReachesTheHandler() throws {
    var router = Router()
    router.unary("/test.Echo/Echo", placement: EchoService.worker) { _, context in
      #expect(context.isCancelled)
      return OutgoingMessage([])
    }
    let client = try RawClient(TestServer(router: router))
    client.call(stream: 1)
    client.send(RawFrame.frame(.reset, stream: 1, [0, 0, 0, 8]))
    client.server.work()
    #expect(client.receive().on(1).isEmpty)
    #expect(client.server.core.openCalls == 0)
    let record = try #require(client.server.records.all.first)
    #expect(record.status.code == .cancelled)
    #expect(record.path == "/test.Echo/Echo")
    #expect(record.bytesReceived == 8)
  }

  @Test func cancelledRequestsGiveTheirMemoryBackInTheQueue() throws {
    let client = try RawClient()
    client.call(stream: 1, path: "/test.Echo/Work", [UInt8](repeating: 1, count: 10_000))
    #expect(client.server.core.budget.used == 10_000)
    client.send(RawFrame.frame(.reset, stream: 1, [0, 0, 0, 8]))
    #expect(client.server.core.budget.used == 0)
    #expect(client.server.executor.count == 0)
  }

  @Test func lostConnectionsCancel() throws {
    let client = try RawClient()
    client.call(stream: 1, path: "/test.Echo/Work")
    client.send(RawFrame.headers(stream: 3, RawClient.request))
    client.connection.lost(now: client.server.now)
    client.server.work()
    #expect(client.server.core.openCalls == 0)
    #expect(client.server.records.all.count == 2)
  }

  @Test func fullQueueIsAnsweredAtOnce() throws {
    let client = try RawClient(TestServer(queue: 1))
    client.call(stream: 1, path: "/test.Echo/Work")
    client.call(stream: 3, path: "/test.Echo/Work")
    client.call(stream: 5)
    let frames = client.receive()
    #expect(frames.outcome(3) == "TO 8")
    // What needs no worker is served all the same.
    #expect(frames.outcome(5) == "0")
    client.server.work()
    #expect(client.receive().outcome(1) == "0")
  }

  @Test func records() throws {
    let client = try RawClient()
    client.call(stream: 1, [1, 2, 3, 4])
    _ = client.receive()
    client.call(stream: 3, path: "/no/such")
    _ = client.receive()
    let records = client.server.records.all
    #expect(records.map(\.path) == ["/test.Echo/Echo", "/no/such"])
    #expect(records.map(\.status.code) == [.ok, .unimplemented])
    #expect(records.map(\.bytesReceived) == [9, 8])
    #expect(records.map(\.bytesSent) == [9, 0])
    #expect(records.map(\.peer) == ["test:1", "test:1"])
  }

  // MARK: Streams

  @Test func streamsAnswerEachMessageAtOnce() throws {
    let client = try RawClient()
    var fields = RawClient.request
    fields[2].1 = "/test.Echo/Stream"
    client.send(RawFrame.headers(stream: 1, fields))
    for number in 0..<5 as Range<UInt8> {
      client.send(RawFrame.data(stream: 1, RawFrame.message([number])))
      client.server.work()
      #expect(client.receive().body() == RawFrame.message([number]))
    }
    client.send(RawFrame.data(stream: 1, [], endStream: true))
    client.server.work()
    let trailers = try #require(client.receive().on(1).first)
    #expect(trailers["grpc-status"] == "0" && trailers.isEndStream)
  }

  @Test func streamsEndWithTheirDeadline() throws {
    let client = try RawClient()
    var fields = RawClient.request + [("grpc-timeout", "1S")]
    fields[2].1 = "/test.Echo/Stream"
    client.send(RawFrame.headers(stream: 1, fields))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1])))
    client.server.work()
    #expect(client.receive().outcome() == "open")
    client.advance(.seconds(1))
    #expect(client.receive().status() == 4)
  }

  /// Answers each byte with 8,000 and remembers the bytes.
  private final class Talkative: StreamHandler {
    let writer: ResponseWriter
    let heard: Heard

    init(_ writer: ResponseWriter, _ heard: Heard) {
      self.writer = writer
      self.heard = heard
    }

    func receive(_ message: ReceivedMessage) {
      let byte = message.withUnsafeBytes { $0[0] }
      heard.bytes.withLock { $0.append(byte) }
      writer.send(OutgoingMessage([UInt8](repeating: byte, count: 8_000)))
    }

    func halfClosed() { writer.finish(.ok) }
    func closed() {}
  }

  private final class Heard: Sendable {
    let bytes = Mutex<[UInt8]>([])
    let writer = Mutex<ResponseWriter?>(nil)
  }

  private func talkative(_ heard: Heard) -> Router {
    var router = Router()
    router.streaming("/test.Echo/Echo") { _, writer in
      heard.writer.withLock { $0 = writer }
      return Talkative(writer, heard)
    }
    return router
  }

  /// Thousands of requests in one segment, from a client that reads no answer: their answers, seven
  /// kilobytes for each dozen bytes, once were letters that nothing counted, 118 MiB of them from
  /// two connections. Now the second request waits until the first answer has left.
  @Test func whoDoesNotReadIsNotAskedForMore() throws {
    let heard = Heard()
    let client = try RawClient(TestServer(router: talkative(heard)), settings: [(4, 0)])
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    let asked = (0..<2_000).map { UInt8(truncatingIfNeeded: $0) }
    client.send(
      RawFrame.data(stream: 1, asked.flatMap { RawFrame.message([$0]) }, endStream: true))
    #expect(client.server.core.mailbox.collect().isEmpty)
    _ = client.receive()
    #expect(heard.bytes.withLock { $0.count } == 1)
    #expect(client.server.core.heldBackBytes == 1_999 * 6)

    // It reads after all: everything is answered, in order.
    client.send(RawFrame.frame(.windowUpdate, stream: 0, RawFrame.bigEndian(0x7fff_0000)))
    client.send(RawFrame.frame(.windowUpdate, stream: 1, RawFrame.bigEndian(0x7fff_0000)))
    let frames = client.receive()
    #expect(frames.status() == 0)
    #expect(heard.bytes.withLock { $0 } == asked)
    #expect(frames.body().count == 2_000 * 8_005)
    #expect(client.server.core.heldBackBytes == 0)
  }

  /// A client that always kept two requests unanswered made all it ever sent stay in memory: what was
  /// read was only cut off when nothing was left. 139 MiB after two seconds.
  @Test func whatIsReadDoesNotStay() throws {
    let client = try RawClient(settings: [(4, 0)])
    client.send(RawFrame.frame(.windowUpdate, stream: 0, RawFrame.bigEndian(0x7fff_0000)))
    var fields = RawClient.request
    fields[2].1 = "/test.Echo/Stream"
    client.send(RawFrame.headers(stream: 1, fields))
    let message = RawFrame.message([UInt8](repeating: 1, count: 1_000))
    for _ in 0..<3 { client.send(RawFrame.data(stream: 1, message)) }
    let call = try #require(client.connection.calls.elements.first)
    let update = RawFrame.bigEndian(UInt32(message.count))
    var answered = 0
    for _ in 0..<10_000 {
      client.send(RawFrame.frame(.windowUpdate, stream: 1, update))
      answered += client.receive().body().count
      client.send(RawFrame.data(stream: 1, message))
    }
    #expect(answered == 10_000 * message.count)
    #expect(call.stash.count == 2 * message.count)
    #expect(call.stash.bytes.count <= 2 * Limits().streamWindowBytes)
  }

  /// What waits behind unread answers is bounded for all streams together.
  @Test func whatIsPutAsideIsBounded() throws {
    var limits = Limits()
    limits.heldBackBytes = 100_000
    let server = TestServer(limits: limits, router: talkative(Heard()))
    let client = try RawClient(server, settings: [(4, 0)])
    let asked = [UInt8](repeating: 1, count: 2_500).flatMap { RawFrame.message([$0]) }
    for stream in stride(from: 1 as Int32, to: 21, by: 2) {
      client.send(RawFrame.headers(stream: stream, RawClient.request))
      client.send(RawFrame.data(stream: stream, asked))
    }
    #expect(server.core.heldBackBytes == 6 * 2_499 * 6)
    let frames = client.receive()
    #expect(frames.outcome(1) == "open")
    #expect(frames.outcome(13) == "+RST8")
    client.advance(.seconds(60))
    _ = client.receive()
    #expect(server.core.openCalls == 0)
    #expect(server.core.heldBackBytes == 0)
  }

  /// One connection once took the room of all, and messages that waited for memory were refused.
  @Test func whatOneConnectionPutsAsideIsBounded() throws {
    var limits = Limits()
    limits.heldBackBytes = 100_000
    limits.heldBackBytesPerConnection = 40_000
    let server = TestServer(limits: limits, router: talkative(Heard()))
    let clients = try (0..<2).map { _ in try RawClient(server, settings: [(4, 0)]) }
    let asked = [UInt8](repeating: 1, count: 2_500).flatMap { RawFrame.message([$0]) }
    for client in clients {
      for stream in [1, 3, 5] as [Int32] {
        client.send(RawFrame.headers(stream: stream, RawClient.request))
        client.send(RawFrame.data(stream: stream, asked))
      }
      let frames = client.receive()
      #expect([1, 3, 5].map { frames.outcome($0) } == ["open", "open", "+RST8"])
    }
    #expect(server.core.heldBackBytes == 4 * 2_499 * 6)
    clients[0].connection.lost(now: server.now)
    #expect(server.core.heldBackBytes == 2 * 2_499 * 6)
  }

  @Test func aSlowReaderOfAStreamIsGivenUp() throws {
    let heard = Heard()
    let client = try RawClient(TestServer(router: talkative(heard)), settings: [(4, 0)])
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    let writer = try #require(heard.writer.withLock { $0 })
    for _ in 0..<600 {
      writer.send(OutgoingMessage([UInt8](repeating: 0, count: 8_000)))
      client.server.work()
      if client.receive().on(1).first(.reset) != nil { return }
    }
    Issue.record("the queue of the stream grew without end")
  }

  // MARK: Memory

  /// Sends `count` bytes of a message as the server's windows allow.
  private func upload(_ client: RawClient, stream: Int32, _ count: Int) -> Sending {
    client.send(RawFrame.headers(stream: stream, RawClient.request))
    return Sending(stream: stream, left: RawFrame.message([UInt8](repeating: 5, count: count)))
  }

  private struct Sending {
    var stream: Int32
    var left: [UInt8]
    var window = 65_535

    /// Sends what the window allows.
    mutating func advance(_ client: RawClient) {
      while !left.isEmpty, window > 0 {
        let count = min(left.count, window, 16_384)
        let isLast = count == left.count
        client.send(RawFrame.data(stream: stream, Array(left.prefix(count)), endStream: isLast))
        left.removeFirst(count)
        window -= count
      }
    }
  }

  /// Four of the largest messages at once, in memory for two: all succeed, one after the other.
  @Test func largeMessagesTakeTurns() throws {
    var limits = Limits()
    limits.messageBytes = 1 << 20
    limits.memoryBudgetBytes = 3 << 20
    limits.receiveBudgetBytes = 2 << 20
    let server = TestServer(limits: limits, router: EchoService.sizeRouter())
    let clients = try (0..<4).map { _ in try RawClient(server) }
    // One byte short of the limit, prefix and all.
    var sendings = clients.map { upload($0, stream: 1, 1 << 20) }
    var outcomes = [String](repeating: "", count: 4)
    var rounds = 0
    while outcomes.contains("") || outcomes.contains("open"), rounds < 1_000 {
      for index in clients.indices {
        sendings[index].advance(clients[index])
        for frame in clients[index].receive() where frame.stream == 1 {
          if frame.has(.windowUpdate) {
            sendings[index].window += Int(frame.errorCode)
          } else if frame.has(.headers), let status = frame["grpc-status"] {
            outcomes[index] = status
          }
        }
        #expect(server.core.budget.used <= 2 << 20)
      }
      server.work()
      rounds += 1
    }
    #expect(outcomes == ["0", "0", "0", "0"])
    #expect(server.core.budget.used == 0)
  }

  @Test func waitingForMemoryEndsWithTheDeadline() throws {
    var limits = Limits()
    limits.memoryBudgetBytes = 1 << 20
    limits.receiveBudgetBytes = 1 << 20
    let server = TestServer(limits: limits)
    #expect(server.core.budget.reserve(1 << 20))
    let client = try RawClient(server)
    client.send(RawFrame.headers(stream: 1, RawClient.request + [("grpc-timeout", "1S")]))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1], length: 100_000)))
    client.send(RawFrame.headers(stream: 3, RawClient.request))
    client.send(RawFrame.data(stream: 3, RawFrame.message([1], length: 100_000)))
    #expect(server.core.budget.waiting == 2)
    client.advance(.seconds(1))
    #expect(client.receive().outcome() == "TO 4+RST0")
    client.send(RawFrame.frame(.reset, stream: 3, [0, 0, 0, 8]))
    #expect(server.core.budget.waiting == 0)
    // Small messages need no memory of the budget.
    client.call(stream: 5)
    #expect(client.receive().outcome(5) == "0")
  }

  @Test func memoryGrantedToACallThatIsGoneComesBack() throws {
    var limits = Limits()
    limits.memoryBudgetBytes = 1 << 20
    limits.receiveBudgetBytes = 1 << 20
    let server = TestServer(limits: limits)
    #expect(server.core.budget.reserve(1 << 20))
    let client = try RawClient(server)
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1], length: 100_000)))
    // Granted, but the letter that says so is not delivered yet.
    server.core.budget.release(1 << 20)
    #expect(server.core.budget.used == 100_000)
    client.send(RawFrame.frame(.reset, stream: 1, [0, 0, 0, 8]))
    server.work()
    #expect(server.core.budget.used == 0)
  }

  @Test func requestThatEndedWhileItWaited() throws {
    var limits = Limits()
    limits.memoryBudgetBytes = 1 << 20
    limits.receiveBudgetBytes = 1 << 20
    let server = TestServer(limits: limits)
    #expect(server.core.budget.reserve(1 << 20))
    let client = try RawClient(server)
    let bytes = [UInt8](repeating: 9, count: 10_000)
    client.call(stream: 1, bytes)
    server.work()
    #expect(client.receive().on(1).isEmpty)
    server.core.budget.release(1 << 20)
    // Once for the memory, once for the worker's result.
    server.work()
    server.work()
    let frames = client.receive()
    #expect(frames.outcome() == "0")
    #expect(frames.body() == RawFrame.message(bytes))
  }

  // MARK: Memory for many

  /// Memory for two of the largest messages.
  private func smallServer(_ router: Router = EchoService.router()) -> TestServer {
    var limits = Limits()
    limits.messageBytes = 1 << 20
    limits.memoryBudgetBytes = 4 << 20
    limits.receiveBudgetBytes = 2 << 20
    limits.aisleBytes = 1 << 20
    return TestServer(limits: limits, router: router)
  }

  /// Announces a message and sends one byte of it.
  private func announce(_ client: RawClient, stream: Int32, _ length: Int = 1 << 20) {
    client.send(RawFrame.headers(stream: stream, RawClient.request))
    client.send(RawFrame.data(stream: stream, RawFrame.message([1], length: length)))
  }

  /// One connection announced a hundred large messages: everybody else's stood in line behind them,
  /// or were refused.
  @Test func aConnectionHasOneLargeMessageAtATime() throws {
    let server = smallServer()
    let hog = try RawClient(server)
    for stream in stride(from: 1 as Int32, to: 201, by: 2) { announce(hog, stream: stream) }
    #expect(server.core.budget.used == 1 << 20)
    #expect(server.core.budget.waiting == 0)
    let frames = hog.receive()
    #expect(frames.outcome(33) == "")
    #expect(frames.outcome(35) == "TO 8+RST0")
    // Others have theirs at once.
    let other = try RawClient(server)
    var sending = upload(other, stream: 1, (1 << 20) - 1)
    #expect(sending.left.count > 1 << 20)
    sending.advance(other)
    #expect(server.core.budget.used == (2 << 20) - 1)
    // The next of the hog's comes when the one before is given up.
    hog.send(RawFrame.frame(.reset, stream: 1, [0, 0, 0, 8]))
    server.core.deliverMail(now: server.now)
    #expect(server.core.budget.used == (2 << 20) - 1)
    #expect(server.core.waitingBehind == 15)
    hog.connection.lost(now: server.now)
    #expect(server.core.waitingBehind == 0)
    other.connection.lost(now: server.now)
    #expect(server.core.budget.used == 0)
    #expect(server.core.heldBackBytes == 0)
  }

  /// Messages behind another one of their connection are read when it is done.
  @Test func largeMessagesOfOneConnectionTakeTurns() throws {
    let server = smallServer(EchoService.sizeRouter())
    let client = try RawClient(server)
    client.send(RawFrame.frame(.windowUpdate, stream: 0, [0, 0, 1, 0]))
    var sendings = [1, 3, 5, 7].map { upload(client, stream: $0, 1 << 20) }
    var outcomes: [Int32: String] = [:]
    for _ in 0..<1_000 where outcomes.count < 4 {
      for index in sendings.indices { sendings[index].advance(client) }
      for frame in client.receive() {
        if frame.has(.windowUpdate),
          let index = sendings.firstIndex(where: { $0.stream == frame.stream })
        {
          sendings[index].window += Int(frame.errorCode)
        } else if frame.has(.headers), let status = frame["grpc-status"] {
          outcomes[frame.stream] = status
        }
      }
      #expect(server.core.budget.used <= 2 << 20)
      server.work()
    }
    #expect(outcomes == [1: "0", 3: "0", 5: "0", 7: "0"])
    #expect(server.core.budget.used == 0)
    #expect(server.core.heldBackBytes == 0)
  }

  /// A line of large messages is none of a small one's business.
  @Test func smallMessagesPassTheLine() throws {
    let server = smallServer()
    let hogs = try (0..<3).map { _ in try RawClient(server) }
    for hog in hogs { announce(hog, stream: 1) }
    #expect(server.core.budget.waiting == 1)
    let client = try RawClient(server)
    let bytes = [UInt8](repeating: 9, count: 10_000)
    client.call(stream: 1, bytes)
    server.work()
    #expect(client.receive().body() == RawFrame.message(bytes))
    #expect(server.core.budget.used == 2 << 20)
  }

  /// A byte per second once was enough to keep memory that others waited for.
  @Test func slowMessagesMakeRoom() throws {
    let server = smallServer()
    let slow = try (0..<2).map { _ in try RawClient(server) }
    for client in slow { announce(client, stream: 1) }
    for _ in 0..<10 {
      for client in slow {
        client.send(RawFrame.data(stream: 1, [1]))
        client.connection.timerFired(now: server.now)
        #expect(client.receive().outcome() == "", "nobody waits, so nobody is too slow")
      }
      server.now = server.now.advanced(by: .seconds(1))
    }
    let other = try RawClient(server)
    announce(other, stream: 1)
    #expect(server.core.budget.waiting == 1)
    for _ in 0..<3 {
      for client in slow { client.send(RawFrame.data(stream: 1, [1])) }
      server.now = server.now.advanced(by: .seconds(1))
      for client in slow { client.connection.timerFired(now: server.now) }
    }
    #expect(slow.contains { $0.receive().outcome() == "TO 8+RST0" })
    #expect(server.core.budget.waiting == 0)
  }

  /// For a method whose caller takes RESOURCE_EXHAUSTED for a yes.
  @Test func methodsHaveAnOverloadCodeOfTheirOwn() throws {
    var router = Router()
    router.unary(
      "/test.Echo/Echo", placement: EchoService.worker,
      traits: MethodTraits(overload: .unavailable)
    ) { _, _ in OutgoingMessage([]) }
    var limits = Limits()
    limits.waitingStreams = 0
    let server = TestServer(limits: limits, queue: 0, router: router)
    #expect(server.core.budget.reserve(server.core.budget.capacity))
    let client = try RawClient(server)
    client.call(stream: 1)
    announce(client, stream: 3, 10_000)
    client.send(RawFrame.headers(stream: 5, RawClient.request))
    client.advance(.seconds(30))
    let frames = client.receive()
    #expect(frames.outcome(1) == "TO 14")
    #expect(frames.outcome(3) == "TO 14+RST0")
    #expect(frames.outcome(5) == "TO 14+RST0")
  }

  /// A full queue of long work does not hold up short work.
  @Test func shortWorkHasAThreadOfItsOwn() throws {
    let pool = WorkerPool(workers: 1, queueDepth: 1)
    let held = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    #expect(pool.submit(try request { held.wait() }, isShort: false))
    #expect(pool.submit(try request {}, isShort: false))
    #expect(!pool.submit(try request {}, isShort: false))
    #expect(pool.submit(try request { done.signal() }, isShort: true))
    #expect(done.wait(timeout: .now() + 10) == .success)
    held.signal()
    pool.shutdown { done.signal() }
    #expect(done.wait(timeout: .now() + 10) == .success)
  }

  private func request(_ work: @escaping @Sendable () -> Void) throws -> QueuedRequest {
    QueuedRequest(try #require(ReceivedMessage([]))) { _ in work() }
  }

  /// Requests that nobody waited for any more kept their places until a worker came by: "the queue of
  /// the server is full", with nothing alive in it.
  @Test func withdrawnRequestsLeaveTheQueue() throws {
    let pool = WorkerPool(workers: 1, queueDepth: 2)
    let held = DispatchSemaphore(value: 0)
    let done = DispatchSemaphore(value: 0)
    let ran = Mutex<[String]>([])
    #expect(pool.submit(try request { held.wait() }, isShort: false))
    for _ in 0..<1_000 {
      let dead = try request { ran.withLock { $0.append("dead") } }
      #expect(pool.submit(dead, isShort: false))
      pool.withdraw(dead)
    }
    for name in ["first", "second"] {
      #expect(pool.submit(try request { ran.withLock { $0.append(name) } }, isShort: false))
    }
    let last = try request { done.signal() }
    #expect(!pool.submit(last, isShort: false))
    held.signal()
    while !pool.submit(last, isShort: false) { usleep(1_000) }
    #expect(done.wait(timeout: .now() + 10) == .success)
    #expect(ran.withLock { $0 } == ["first", "second"])
    pool.shutdown { done.signal() }
    #expect(done.wait(timeout: .now() + 10) == .success)
  }

  /// A request of 15 MB held its memory while its suggestions were computed, and the next one waited.
  @Test func whatIsDecodedGivesItsMemoryBack() throws {
    let used = Mutex<[Int]>([])
    var router = EchoService.router()
    let budget = Mutex<MemoryBudget?>(nil)
    router.unary("/test.Echo/Let", placement: EchoService.worker) { message, _ in
      let count = message.count
      _ = consume message
      used.withLock { $0.append(budget.withLock { $0?.used ?? -1 }) }
      return OutgoingMessage([UInt8(truncatingIfNeeded: count)])
    }
    let server = TestServer(router: router)
    budget.withLock { $0 = server.core.budget }
    let client = try RawClient(server)
    client.call(stream: 1, path: "/test.Echo/Let", Array(repeating: 1, count: 10_000))
    #expect(server.core.budget.used == 10_000)
    server.work()
    #expect(client.receive().outcome() == "0")
    #expect(used.withLock { $0 } == [0])
  }

  /// What was made of a message was counted nowhere: eight workers had the histories of 15 MiB requests
  /// while 32 MiB more came in.
  @Test func whatIsMadeOfAMessageStaysCounted() throws {
    let used = Mutex<[Int]>([])
    var router = EchoService.router()
    let budget = Mutex<MemoryBudget?>(nil)
    router.unary("/test.Echo/Keep", placement: EchoService.worker) { message, _ in
      let bytes = message.count == 10_000 ? 3_000 : 50_000
      let kept = message.keep { bytes }
      _ = consume message
      used.withLock { $0.append(budget.withLock { $0?.used ?? -1 }) }
      withExtendedLifetime(kept) {}
      return OutgoingMessage([])
    }
    let server = TestServer(router: router)
    budget.withLock { $0 = server.core.budget }
    let client = try RawClient(server)
    // No more than the message took, and nothing of one that is too small to be counted.
    for (stream, count) in [(1, 10_000), (3, 15_000), (5, 1_000)] as [(Int32, Int)] {
      client.call(stream: stream, path: "/test.Echo/Keep", Array(repeating: 1, count: count))
      server.work()
      #expect(client.receive().outcome(stream) == "0")
    }
    #expect(used.withLock { $0 } == [3_000, 15_000, 0])
    #expect(server.core.budget.used == 0)
  }

  // MARK: Draining

  @Test func drainsInTwoSteps() throws {
    let client = try RawClient()
    client.call(stream: 1, path: "/test.Echo/Work")
    client.connection.drain(now: client.server.now)
    var frames = client.receive()
    let notice = try #require(frames.first(.goAway))
    #expect(notice.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
    let ping = try #require(frames.first(.ping))
    // A request that crossed the notice is still served.
    client.call(stream: 3)
    #expect(client.receive().outcome(3) == "0")
    client.send(RawFrame.frame(.ping, flags: 1, stream: 0, ping.payload))
    frames = client.receive()
    let last = try #require(frames.first(.goAway))
    #expect(last.payload.prefix(4) == [0, 0, 0, 3])
    #expect(!client.connection.isDone)
    // Later ones are ignored, not answered.
    client.call(stream: 5)
    #expect(client.receive().on(5).isEmpty)
    client.server.work()
    #expect(client.receive().outcome(1) == "0")
    #expect(client.connection.isDone)
  }

  /// Ends when told to, and not before.
  private final class Endless: StreamHandler {
    let writer: ResponseWriter
    init(_ writer: ResponseWriter) { self.writer = writer }
    func receive(_ message: ReceivedMessage) {}
    func halfClosed() {}
    func draining() { writer.finish(Status(.unavailable, "bye")) }
    func closed() {}
  }

  /// Streams that wait for their client (Watches of unknown names, Watches without a request, idle
  /// reflection) once held a drain up for the whole grace period, and so did those opened during it.
  @Test func streamsAreToldOfADrain() throws {
    var router = Router()
    router.streaming("/test.Echo/Echo") { _, writer in Endless(writer) }
    let client = try RawClient(TestServer(router: router))
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    #expect(client.receive().isEmpty)
    client.server.core.drain(now: client.server.now)
    let frames = client.receive()
    #expect(frames.outcome(1) == "TO 14+RST0")
    client.send(RawFrame.headers(stream: 3, RawClient.request))
    #expect(client.receive().outcome(3) == "TO 14+RST0")
    let ping = try #require(frames.first(.ping))
    client.send(RawFrame.frame(.ping, flags: 1, stream: 0, ping.payload))
    _ = client.receive()
    #expect(client.connection.isDone)
  }

  @Test func drainsWithoutAnAnswer() throws {
    let client = try RawClient()
    client.connection.drain(now: client.server.now)
    _ = client.receive()
    #expect(!client.connection.isDone)
    client.advance(.seconds(5))
    #expect(client.receive().first(.goAway)?.payload.prefix(4) == [0, 0, 0, 0])
    #expect(client.connection.isDone)
  }
}
