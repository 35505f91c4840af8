// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GRPC

/// Clients that take more than their share of memory, calls, connections or time, by accident or not,
/// with a clock moved by hand.
@Suite struct CrowdingTests {
  private func server(
    _ adjust: (inout Limits) -> Void = { _ in }, queue: Int = 16,
    router: Router = EchoService.router()
  ) -> TestServer {
    var limits = Limits()
    limits.messageBytes = 1 << 20
    limits.memoryBudgetBytes = 4 << 20
    limits.receiveBudgetBytes = 2 << 20
    limits.replyBudgetBytes = 1 << 20
    limits.aisleBytes = 256 << 10
    adjust(&limits)
    return TestServer(limits: limits, queue: queue, router: router)
  }

  /// Announces a message and sends one byte of it.
  private func announce(_ client: RawClient, stream: Int32, _ length: Int = 1 << 20) {
    client.send(RawFrame.headers(stream: stream, RawClient.request))
    client.send(RawFrame.data(stream: stream, RawFrame.message([1], length: length)))
  }

  /// Sends a whole message without the end of its stream.
  private func sendUnended(_ client: RawClient, stream: Int32, _ length: Int) {
    client.send(RawFrame.headers(stream: stream, RawClient.request))
    let bytes = RawFrame.message([UInt8](repeating: 1, count: length))
    for start in Swift.stride(from: 0, to: bytes.count, by: 16_000) {
      let part = Array(bytes[start..<min(start + 16_000, bytes.count)])
      client.send(RawFrame.data(stream: stream, part))
      _ = client.receive()
    }
  }

  private func advance(_ server: TestServer, _ duration: Duration, _ clients: RawClient...) {
    server.now = server.now.advanced(by: duration)
    for client in clients { client.connection.timerFired(now: server.now) }
  }

  // MARK: Memory

  /// A complete request without its end is as slow as one that is not complete: it held its memory for
  /// half a minute, whoever waited.
  @Test func requestsThatAreNotEndedMakeRoom() throws {
    let server = server()
    let hogs = try (0..<2).map { _ in try RawClient(server) }
    for hog in hogs { sendUnended(hog, stream: 1, 1 << 20) }
    #expect(server.core.budget.used == 2 << 20)
    advance(server, .seconds(29), hogs[0], hogs[1])
    #expect(hogs.allSatisfy { $0.receive().on(1).isEmpty }, "nobody waits")
    let other = try RawClient(server)
    announce(other, stream: 1)
    #expect(server.core.budget.waiting == 1)
    for hog in hogs { sendUnended(hog, stream: 3, 5_000) }
    for _ in 0..<2 { advance(server, .seconds(3), hogs[0], hogs[1]) }
    #expect(server.core.budget.waiting == 0)
  }

  /// The next large message of a connection comes when the one before is a request, not before.
  @Test func aRequestThatIsNotEndedKeepsTheNextOneWaiting() throws {
    let server = server()
    let client = try RawClient(server)
    sendUnended(client, stream: 1, 300_000)
    announce(client, stream: 3)
    #expect(server.core.budget.used == 300_000)
    client.send(RawFrame.data(stream: 1, [], endStream: true))
    #expect(server.core.budget.used == 300_000 + 1 << 20)
  }

  @Test func nobodyWaitsForMemoryForEver() throws {
    let server = server()
    #expect(server.core.budget.reserve(2 << 20))
    let client = try RawClient(server)
    announce(client, stream: 1)
    announce(client, stream: 3)
    announce(client, stream: 5)
    #expect(server.core.budget.waiting == 1)
    client.advance(.seconds(59))
    #expect(client.receive().on(1).isEmpty)
    client.advance(.seconds(1))
    let frames = client.receive()
    #expect([1, 3, 5].map { frames.outcome($0) } == ["TO 8+RST0", "TO 8+RST0", "TO 8+RST0"])
    #expect(server.core.budget.waiting == 0)
    #expect(server.core.waitingBehind == 0)
  }

  /// Replies on streams without a window held the memory that requests waited for.
  @Test func unreadRepliesHoldUpNoRequest() throws {
    let limits = Limits()
    let budget = MemoryBudget(limits)
    let replies = (0..<100).map { _ in
      OutgoingMessage(byteCount: 1 << 20, budget: budget) { _ in }
    }
    #expect(replies.count { $0 != nil } == 11)
    #expect(
      budget.join(
        limits.receiveBudgetBytes,
        MemoryBudget.Terms(ceiling: limits.receiveBudgetBytes, line: 9)
      ) {}.isGranted)
  }

  /// A reply that was compressed was not counted any more: 120 of them made the process 231 MiB large.
  @Test(arguments: [Compression.gzip, .deflate])
  func compressedRepliesAreCounted(_ encoding: Compression) throws {
    let budget = MemoryBudget(bytes: 1 << 20)
    do {
      let message = try #require(
        OutgoingMessage(byteCount: 100_000, budget: budget) { target in
          for i in target.indices { target[i] = UInt8(truncatingIfNeeded: i / 7 &* i) }
        })
      let small = compressed(message, encoding, above: 1_000)
      #expect(small.isCompressed && small.count < 100_000)
      #expect(budget.used == small.frameCount)
      _ = consume message
      #expect(budget.used == small.frameCount)
    }
    #expect(budget.used == 0)
  }

  /// A byte now and then kept a reply, and its memory, for ever. Now its client has a minute, if others
  /// lack the memory; else it may take all the time it likes.
  @Test(arguments: [true, false]) func repliesThatAreReadTooSlowly(others: Bool) throws {
    let server = server()
    let client = try RawClient(server, settings: [(4, 0)])
    client.call(stream: 1, path: "/test.Echo/Work", Array(repeating: 1, count: 10_000))
    server.work()
    #expect(client.receive().outcome(1) == "open")
    let budget = server.core.budget
    let kept = others ? OutgoingMessage(byteCount: 600_000, budget: budget) { _ in } : nil
    var outcome = "open"
    var seconds = 0
    while outcome == "open", seconds < 300 {
      client.send(RawFrame.frame(.windowUpdate, stream: 1, [0, 0, 0, 1]))
      advance(server, .seconds(5), client)
      seconds += 5
      let frames = client.receive()
      if !frames.outcome(1).isEmpty, frames.outcome(1) != "open" { outcome = frames.outcome(1) }
    }
    #expect(outcome == (others ? "+RST8" : "open"))
    #expect(seconds == (others ? 60 : 300))
    _ = kept
  }

  /// A client that has closed its side cannot widen its window any more.
  @Test func repliesThatNoWindowCanComeFor() throws {
    let server = server()
    let client = try RawClient(server, settings: [(4, 100)])
    client.call(stream: 1, path: "/test.Echo/Work", Array(repeating: 1, count: 10_000))
    client.call(stream: 3, path: "/test.Echo/Work", [1])
    client.connection.inputClosed(now: server.now)
    server.work()
    let frames = client.receive()
    #expect([1, 3].map { frames.outcome($0) } == ["open", "0"])
    #expect(!client.connection.isDone)
    advance(server, .seconds(1), client)
    #expect(client.receive().outcome(1) == "+RST8")
    #expect(client.connection.isDone)
  }

  /// The end of a request may have come while its message waited.
  @Test func requestsThatWaitOutliveTheirInput() throws {
    let server = server(queue: 200)
    #expect(server.core.budget.reserve(2 << 20))
    let client = try RawClient(server)
    client.send(RawFrame.frame(.windowUpdate, stream: 0, RawFrame.bigEndian(1 << 20)))
    let bytes = [UInt8](repeating: 9, count: 5_000)
    for stream in stride(from: 1 as Int32, to: 200, by: 2) { client.call(stream: stream, bytes) }
    #expect(server.core.budget.waiting > 0)
    client.connection.inputClosed(now: server.now)
    server.core.budget.release(2 << 20)
    for _ in 0..<3 { server.work() }
    let frames = client.receive()
    let outcomes = stride(from: 1 as Int32, to: 200, by: 2).map { frames.outcome($0) }
    // Half of the aisle, and sixteen that waited.
    #expect(outcomes.count { $0 == "0" } == 26 + 16)
    #expect(outcomes.allSatisfy { ["0", "TO 8", "+RST8"].contains($0) }, "\(outcomes)")
  }

  /// Messages just below the size of those that stand in line were bounded by nothing: one connection
  /// announced all the memory, a second one filled the aisle and the line, and everybody was refused.
  @Test(arguments: [2, 3, 8, 40]) func announcementsLeaveRoomForOthers(connections: Int) throws {
    let server = TestServer()
    let hogs = try (0..<connections).map { _ in try RawClient(server) }
    func crowd(_ first: Int32) {
      for hog in hogs {
        for stream in Swift.stride(from: first, to: first + 200, by: 2) {
          announce(hog, stream: stream, 262_143)
        }
        _ = hog.receive()
      }
    }
    crowd(1)
    let budget = server.core.budget
    #expect(budget.used <= Limits().receiveBudgetBytes + Limits().aisleBytes)
    #expect(budget.waiting <= Limits().waitingStreams)
    let bytes = [UInt8](repeating: 9, count: 9_000)
    var served = 0
    for round in 0..<5 as Range<Int32> {
      let honest = try RawClient(server)
      honest.call(stream: 1, path: "/test.Echo/Work", bytes)
      // Nothing more comes, so what is held is given up for who waits.
      for _ in 0..<2 {
        server.work()
        server.now = server.now.advanced(by: .seconds(3))
        for client in hogs + [honest] { client.connection.timerFired(now: server.now) }
      }
      server.work()
      if honest.receive().body() == RawFrame.message(bytes) { served += 1 }
      crowd(201 + round * 200)
    }
    #expect(served == 5)
    for client in hogs { client.connection.lost(now: server.now) }
    server.core.deliverMail(now: server.now)
    #expect(budget.used == 0 && budget.waiting == 0)
  }

  /// A full line has a place for whoever has none.
  @Test func aFullLineMakesPlace() throws {
    let server = server {
      $0.waitingStreams = 8
      $0.waitingPerConnection = 4
      $0.aisleBytes = 0
    }
    #expect(server.core.budget.reserve(2 << 20))
    let crowd = try (0..<5).map { _ in try RawClient(server) }
    for client in crowd {
      for stream in [1, 3] as [Int32] { announce(client, stream: stream, 5_000) }
    }
    // The second one of the third connection found half of the line taken.
    #expect(server.core.budget.waiting == 7)
    announce(try RawClient(server), stream: 1, 5_000)
    #expect(server.core.budget.waiting == 8)
    let newcomer = try RawClient(server)
    announce(newcomer, stream: 1, 5_000)
    #expect(server.core.budget.waiting == 8)
    #expect(newcomer.receive().on(1).isEmpty)
    let lost = crowd.map { $0.receive().outcome(3) }
    #expect(lost.count { $0 == "TO 8+RST0" } == 4)
    #expect(crowd.allSatisfy { $0.receive().on(1).isEmpty })
  }

  /// 36 unread replies of one connection took the share of all, for as long as it liked.
  @Test func unreadRepliesMakeRoom() throws {
    var router = EchoService.router()
    let budget = Mutex<MemoryBudget?>(nil)
    router.unary("/test.Echo/Large", placement: EchoService.worker) { _, context in
      guard let budget = budget.withLock({ $0 }),
        let reply = OutgoingMessage(
          byteCount: 250_000, budget: budget, for: context, fill: { _ in })
      else { throw Status(.resourceExhausted) }
      return reply
    }
    let server = server(queue: 100, router: router)
    budget.withLock { $0 = server.core.budget }
    let hogs = try (0..<3).map { _ in try RawClient(server, settings: [(4, 0)]) }
    for hog in hogs {
      for stream in stride(from: 1 as Int32, to: 9, by: 2) {
        hog.call(stream: stream, path: "/test.Echo/Large")
        server.work()
      }
      server.now = server.now.advanced(by: .seconds(2))
    }
    // Half of the share for the first, one reply for the next.
    let outcomes = hogs.map { hog in
      let frames = hog.receive()
      return [1, 3, 5, 7].map { frames.outcome($0) }
    }
    #expect(outcomes[0] == ["open", "open", "TO 8", "TO 8"])
    #expect(outcomes[1] == ["open", "TO 8", "TO 8", "TO 8"])
    // The one that finds no memory fails, but then the reply that has waited longest goes.
    let other = try RawClient(server)
    other.call(stream: 1, path: "/test.Echo/Large")
    server.work()
    #expect(other.receive().outcome(1) == "TO 8")
    #expect(hogs.map { $0.receive().outcome(1) } == ["+RST8", "", ""])
    other.call(stream: 3, path: "/test.Echo/Large")
    server.work()
    // Larger than its window.
    #expect(other.receive().outcome(3) == "open")
  }

  // MARK: Calls and connections

  /// The connection with most calls had none to give, as all were worked for, and the newcomer was
  /// refused although others had hundreds of idle ones.
  @Test func theNextLargestConnectionMakesRoom() throws {
    let server = server { limits in
      limits.calls = 9
      limits.reservedCalls = 0
    }
    let busy = try RawClient(server)
    for number in stride(from: 1 as Int32, to: 10, by: 2) {
      busy.call(stream: number, path: "/test.Echo/Work")
    }
    let idle = try RawClient(server)
    var stream = RawClient.request
    stream[2].1 = "/test.Echo/Stream"
    for number in stride(from: 1 as Int32, to: 8, by: 2) {
      idle.send(RawFrame.headers(stream: number, stream))
    }
    #expect(server.core.openCalls == 9)
    let newcomer = try RawClient(server)
    for number in [1, 3] as [Int32] {
      newcomer.call(stream: number)
      #expect(newcomer.receive().outcome(number) == "0")
      _ = idle.receive()
    }
    server.work()
    #expect(busy.receive().outcome(9) == "0")
  }

  /// Watches of health filled the places that are kept for its checks.
  @Test func streamsDoNotTakeWhatIsReserved() throws {
    var router = EchoService.router()
    let traits = MethodTraits(messageBytes: 100)
    router.streaming("/test.Echo/Watch", traits: traits) { _, writer in
      EchoService.Bidirectional(writer)
    }
    router.unary("/test.Echo/Check", placement: EchoService.inline, traits: traits) { _, _ in
      OutgoingMessage([])
    }
    let server = server(
      { limits in
        limits.calls = 2
        limits.reservedCalls = 1
      }, router: router)
    let busy = try RawClient(server)
    for number in [1, 3] as [Int32] { busy.call(stream: number, path: "/test.Echo/Work") }
    let other = try RawClient(server)
    var watch = RawClient.request
    watch[2].1 = "/test.Echo/Watch"
    other.send(RawFrame.headers(stream: 1, watch))
    #expect(other.receive().outcome(1) == "+RST7")
    other.call(stream: 3, path: "/test.Echo/Check")
    #expect(other.receive().outcome(3) == "0")
  }

  /// A Watch on each of 512 connections locked everybody out.
  @Test func connectionsWhoseCallsWaitMakeRoom() throws {
    let server = server { $0.connections = 3 }
    var stream = RawClient.request
    stream[2].1 = "/test.Echo/Stream"
    let working = try RawClient(server)
    working.call(stream: 1, path: "/test.Echo/Work")
    working.send(RawFrame.headers(stream: 3, stream))
    let watching = try (0..<2).map { _ in try RawClient(server) }
    for client in watching {
      server.now = server.now.advanced(by: .seconds(1))
      client.send(RawFrame.headers(stream: 1, stream))
    }
    let newcomer = try RawClient(server)
    newcomer.call(stream: 1)
    #expect(newcomer.receive().outcome(1) == "0")
    #expect(watching[0].receive().first(.goAway)?.debug == "max_connections")
    #expect(watching[0].connection.isDone && !watching[1].connection.isDone)
    server.work()
    #expect(working.receive().outcome(1) == "0")
  }

  // MARK: Time

  /// 2,000 fields that take a byte each.
  private static let bomb: [UInt8] =
    [0x40, 1, UInt8(ascii: "x"), 0] + Array(repeating: 0xbe, count: 2_000)

  /// A block of 128 KiB took a sixth of a second, and nothing ended or counted it.
  @Test func headerBlocksHaveALimit() throws {
    let client = try RawClient()
    let block = RawFrame.headerBlock(RawClient.request) + CrowdingTests.bomb
    client.send(RawFrame.frame(.headers, flags: 4, stream: 1, block))
    #expect(client.connection.isDone)
  }

  @Test func trailersHaveALimit() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1])))
    client.send(RawFrame.frame(.headers, flags: 5, stream: 1, CrowdingTests.bomb))
    #expect(client.connection.isDone)
  }

  /// Fields that are not valid are left out, but nghttp2 looks at every byte of them. They were not
  /// counted: one of 4 KB, named 130,000 times, held everybody up for 150 ms.
  @Test(arguments: [false, true]) func invalidFieldsAreCounted(inTrailers: Bool) throws {
    let client = try RawClient()
    let field: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 1, 1]
    let bomb = field + Array(repeating: 0xbe, count: 2_000)
    if inTrailers {
      client.send(RawFrame.headers(stream: 1, RawClient.request))
      client.send(RawFrame.data(stream: 1, RawFrame.message([1])))
      client.send(RawFrame.frame(.headers, flags: 5, stream: 1, bomb))
    } else {
      let block = RawFrame.headerBlock(RawClient.request)
      client.send(RawFrame.frame(.headers, flags: 4, stream: 1, block + bomb))
    }
    #expect(client.connection.isDone)
  }

  /// One that is merely too large gets an answer, and the next block is counted anew.
  @Test func listsThatAreTooLargeAreAnswered() throws {
    let client = try RawClient()
    for stream in [1, 3, 5] as [Int32] {
      let block = RawFrame.headerBlock(RawClient.request) + CrowdingTests.bomb.prefix(1_500)
      client.send(RawFrame.frame(.headers, flags: 5, stream: stream, block))
      #expect(client.receive().outcome(stream) == "TO 8")
    }
    #expect(!client.connection.isDone)
  }
}
