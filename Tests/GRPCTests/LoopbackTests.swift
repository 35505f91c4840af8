// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GRPC

/// A client session and a server session joined in memory until neither has anything to say.
@Suite struct LoopbackTests {
  final class Pair {
    let server: TestServer
    let serverSide: ServerConnection
    let clientSide: ClientConnection

    init(limits: Limits = Limits()) throws {
      server = TestServer(limits: limits)
      serverSide = try #require(server.core.makeConnection(peer: "loop", now: server.now))
      clientSide = try ClientConnection(
        authority: "loop", userAgent: "loop", limits: Limits(), now: server.now)
    }

    func interact() {
      var hasProgress = true
      while hasProgress {
        hasProgress = false
        while let bytes = clientSide.nextOutput() {
          serverSide.receive(bytes, now: server.now)
          hasProgress = true
        }
        while let bytes = serverSide.nextOutput() {
          clientSide.receive(bytes, now: server.now)
          hasProgress = true
        }
        if server.executor.count > 0 { hasProgress = true }
        server.work()
      }
    }

    /// Starts a unary call and returns where its result will be.
    func call(
      _ path: String, _ bytes: [UInt8], timeout: Duration? = nil, metadata: Metadata = Metadata()
    ) -> Outcome {
      let outcome = Outcome()
      let call = ClientCall(
        path: path, metadata: metadata, deadline: timeout.map { server.now.advanced(by: $0) },
        request: OutgoingMessage(bytes), kind: .unary { outcome.set($0) })
      #expect(clientSide.start(call, now: server.now))
      return outcome
    }
  }

  final class Outcome: Sendable {
    private let result = Mutex<Result<ReceivedMessage, Status>?>(nil)
    func set(_ value: Result<ReceivedMessage, Status>) {
      result.withLock { result in
        if result != nil { Issue.record("completed twice") }
        result = value
      }
    }
    var bytes: [UInt8]? {
      result.withLock { try? $0?.get().withUnsafeBytes { Array($0) } }
    }
    var status: Status? {
      result.withLock { result in
        switch result {
        case .success?: .ok
        case .failure(let status)?: status
        case nil: nil
        }
      }
    }
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func anyMixOfCallsIsAnswered(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let pair = try Pair()
    var expected: [([UInt8], Outcome)] = []
    for _ in 0..<40 {
      let size = Int.random(in: 0...(1 << Int.random(in: 0..<19, using: &random)), using: &random)
      let bytes = random.bytes(size)
      let path = Bool.random(using: &random) ? "/test.Echo/Echo" : "/test.Echo/Work"
      expected.append((bytes, pair.call(path, bytes)))
      if Bool.random(using: &random) { pair.interact() }
    }
    pair.interact()
    for (bytes, outcome) in expected { #expect(outcome.bytes == bytes, "seed \(seed)") }
    #expect(pair.server.core.budget.used == 0)
    #expect(pair.server.core.openCalls == 0)
  }

  /// More calls than the server lets run at once wait in the client.
  @Test func moreCallsThanStreams() throws {
    var limits = Limits()
    limits.streamsPerConnection = 4
    let pair = try Pair(limits: limits)
    pair.interact()
    let outcomes = (0..<50).map { pair.call("/test.Echo/Echo", [UInt8($0)]) }
    pair.interact()
    for (index, outcome) in outcomes.enumerated() { #expect(outcome.bytes == [UInt8(index)]) }
  }

  @Test func metadataCrosses() throws {
    var metadata = Metadata()
    metadata.add("x-text", "hello")
    metadata.add("x-bin", bytes: [0, 1, 255])
    let pair = try Pair()
    let outcome = pair.call("/test.Echo/Metadata", [], metadata: metadata)
    pair.interact()
    #expect(outcome.bytes == Array("hello".utf8) + [0, 1, 255])
  }

  @Test func statusCrosses() throws {
    let pair = try Pair()
    let outcome = pair.call("/test.Echo/Fail", [1])
    pair.interact()
    #expect(outcome.status == Status(.failedPrecondition, "100% naïve"))
  }

  @Test func clientDeadline() throws {
    let pair = try Pair()
    let outcome = pair.call("/test.Echo/Work", [1], timeout: .seconds(3))
    while let bytes = pair.clientSide.nextOutput() {
      pair.serverSide.receive(bytes, now: pair.server.now)
    }
    pair.server.now = pair.server.now.advanced(by: .seconds(3))
    pair.clientSide.timerFired(now: pair.server.now)
    #expect(outcome.status?.code == .deadlineExceeded)
    pair.interact()
    #expect(pair.server.core.openCalls == 0)
  }

  @Test func lostConnection() throws {
    let pair = try Pair()
    let outcome = pair.call("/test.Echo/Work", [1])
    pair.clientSide.lost(now: pair.server.now)
    #expect(outcome.status?.code == .unavailable)
  }

  /// A drained server finishes what it has and takes no more; the client opens no new calls.
  @Test func drain() throws {
    let pair = try Pair()
    pair.interact()
    let outcome = pair.call("/test.Echo/Work", [1])
    while let bytes = pair.clientSide.nextOutput() {
      pair.serverSide.receive(bytes, now: pair.server.now)
    }
    pair.serverSide.drain(now: pair.server.now)
    let retired = Mutex(false)
    pair.clientSide.retired = { retired.withLock { $0 = true } }
    pair.interact()
    #expect(retired.withLock { $0 })
    #expect(outcome.bytes == [1])
    #expect(pair.serverSide.isDone && pair.clientSide.isDone)
  }

  @Test func refusedCallsAreReturnedOnce() throws {
    var limits = Limits()
    limits.calls = 0
    let pair = try Pair(limits: limits)
    let returned = Mutex(0)
    pair.clientSide.returned = { call in
      returned.withLock { $0 += 1 }
      _ = pair.clientSide.start(call, now: pair.server.now)
    }
    let outcome = pair.call("/test.Echo/Echo", [1])
    pair.interact()
    #expect(returned.withLock { $0 } == 1)
    #expect(outcome.status?.code == .unavailable)
  }

  // MARK: Replies that are passed on

  /// What a passing call received, and how it ended.
  final class Passage: Sendable {
    private let state = Mutex<(bytes: [UInt8], largest: Int, status: Status?)>(([], 0, nil))

    func take(_ bytes: UnsafeRawBufferPointer) {
      state.withLock {
        $0.bytes.append(contentsOf: bytes)
        $0.largest = max($0.largest, bytes.count)
      }
    }
    func end(_ status: Status) {
      state.withLock {
        if $0.status != nil { Issue.record("completed twice") }
        $0.status = status
      }
    }
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var largest: Int { state.withLock { $0.largest } }
    var status: Status? { state.withLock { $0.status } }
  }

  private func pass(
    _ pair: Pair, _ path: String, _ bytes: [UInt8],
    refusing refusal: Status? = nil
  ) -> Passage {
    let passage = Passage()
    let call = ClientCall(
      path: path, metadata: Metadata(), deadline: nil, request: OutgoingMessage(bytes),
      kind: .passing(
        bytes: { bytes throws(Status) in
          passage.take(bytes)
          if let refusal { throw refusal }
        }, completion: { passage.end($0) }))
    #expect(pair.clientSide.start(call, now: pair.server.now))
    return passage
  }

  @Test func repliesArePassedOnInPieces() throws {
    let pair = try Pair()
    var random = SeededGenerator(seed: 7)
    let sizes = [0, 1, 4_000, 70_000, 3_000_000]
    let messages = sizes.map { random.bytes($0) }
    let passages = messages.map { pass(pair, "/test.Echo/Echo", $0) }
    pair.interact()
    for (message, passage) in zip(messages, passages) {
      #expect(passage.status == .ok)
      #expect(passage.bytes == message)
      #expect(passage.largest <= 1 << 16, "a piece is at most a frame, not the message")
    }
  }

  @Test func aReaderMayEndItsCall() throws {
    let pair = try Pair()
    let refusal = Status(.internalError, "not what was asked for")
    let passage = pass(
      pair, "/test.Echo/Work", [UInt8](repeating: 1, count: 500_000), refusing: refusal)
    pair.interact()
    #expect(passage.status == refusal)
    #expect(passage.bytes.count < 500_000)
    #expect(pair.server.core.openCalls == 0)
    let other = pass(pair, "/test.Echo/Echo", [1])
    pair.interact()
    #expect(other.bytes == [1])
  }

  @Test func refusalsReachAPassingCall() throws {
    let pair = try Pair()
    let passage = pass(pair, "/test.Echo/Fail", [1])
    pair.interact()
    #expect(passage.status == Status(.failedPrecondition, "100% naïve"))
    #expect(passage.bytes.isEmpty)
  }
}
