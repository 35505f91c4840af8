// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import GRPC
import Synchronization
import Testing

/// A server and a client over real sockets.
@Suite struct ServerTests {
  /// Runs `body` against a fresh server and drains it afterwards.
  private func withServer(
    _ router: Router = EchoService.router(), _ body: (Client, Server) async throws -> Void
  ) async throws {
    let server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0), router: router)
    let client = Client(try server.start())
    try await body(client, server)
    client.close()
    server.drain(grace: .seconds(5))
    server.waitUntilClosed()
    try await allMemoryIsReturned(to: server)
  }

  /// A worker lets go of its message a moment after its answer has left.
  private func allMemoryIsReturned(to server: Server) async throws {
    for _ in 0..<500 where server.memoryBudget.used > 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(server.memoryBudget.used == 0)
  }

  @Test(arguments: ["/test.Echo/Echo", "/test.Echo/Work"])
  func unaryCallsOfManySizes(path: String) async throws {
    try await withServer { client, _ in
      for size in [0, 1, 100, 4_096, 16_384, 70_000, 5 << 20] {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let reply = try await client.unary(path, OutgoingMessage(bytes), timeout: .seconds(20))
        #expect(reply.withUnsafeBytes { Array($0) } == bytes)
      }
    }
  }

  @Test func manyCallsAtOnce() async throws {
    try await withServer { client, _ in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<500 {
          group.addTask {
            let bytes = Array("call \(index)".utf8)
            let reply = try await client.unary("/test.Echo/Echo", OutgoingMessage(bytes))
            return reply.withUnsafeBytes { Array($0) } == bytes
          }
        }
        for try await isSame in group { #expect(isSame) }
      }
    }
  }

  @Test func handlersThrow() async throws {
    try await withServer { client, _ in
      await #expect(throws: Status(.failedPrecondition, "100% naïve")) {
        _ = try await client.unary("/test.Echo/Fail", OutgoingMessage([1]))
      }
      let unknown = Status(.unimplemented, "unknown method /test.Echo/None")
      await #expect(throws: unknown) {
        _ = try await client.unary("/test.Echo/None", OutgoingMessage([1]))
      }
    }
  }

  @Test func streamsBothWays() async throws {
    try await withServer { client, _ in
      let (messages, feed) = AsyncStream.makeStream(of: [UInt8].self)
      let end = Mutex<Status?>(nil)
      let stream = client.stream(
        "/test.Echo/Stream",
        message: { message in feed.yield(message.withUnsafeBytes { Array($0) }) },
        completion: { status in
          end.withLock { $0 = status }
          feed.finish()
        })
      var received = 0
      stream.send(OutgoingMessage([0]))
      for await message in messages {
        #expect(message == [UInt8(received)])
        received += 1
        if received < 20 {
          stream.send(OutgoingMessage([UInt8(received)]))
        } else {
          stream.halfClose()
        }
      }
      #expect(received == 20)
      #expect(end.withLock { $0 } == .ok)
    }
  }

  @Test(.timeLimit(.minutes(1))) func deadlineStopsTheWork() async throws {
    let (ends, hasEnded) = AsyncStream.makeStream(of: Void.self)
    try await withServer(EchoService.router(ends: { hasEnded.yield() })) { client, _ in
      do throws(Status) {
        // A busy machine may take a while to begin.
        _ = try await client.unary("/test.Echo/Hang", OutgoingMessage([1]), timeout: .seconds(3))
        Issue.record("a call without an end ended well")
      } catch {
        #expect(error.code == .deadlineExceeded)
      }
      for await _ in ends { break }
    }
  }

  /// Six of the largest messages at once, each on a connection of its own, in memory for two.
  @Test func largeMessagesAtOnce() async throws {
    let router = EchoService.sizeRouter()
    let server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0), router: router)
    let port = try server.start().port
    let threads = IOThreads()
    var configuration = ClientConfiguration()
    configuration.threads = threads
    let clients = (0..<6).map { _ in
      Client(HostPort(host: "127.0.0.1", port: port), configuration: configuration)
    }
    let message = OutgoingMessage([UInt8](repeating: 1, count: 16 << 20))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for client in clients {
        group.addTask {
          _ = try await client.unary("/test.Echo/Echo", message, timeout: .seconds(60))
        }
      }
      try await group.waitForAll()
    }
    for client in clients { client.close() }
    server.drain(grace: .seconds(5))
    server.waitUntilClosed()
    threads.shutdown()
    try await allMemoryIsReturned(to: server)
  }

  @Test(.timeLimit(.minutes(1))) func cancellingATaskCancelsItsCall() async throws {
    let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
    try await withServer(EchoService.router(hangs: { hasBegun.yield() })) { client, _ in
      let task = Task { () -> Status? in
        do throws(Status) {
          _ = try await client.unary("/test.Echo/Hang", OutgoingMessage([1]))
          return nil
        } catch {
          return error
        }
      }
      for await _ in begun { break }
      task.cancel()
      #expect(await task.value?.code == .cancelled)
    }
  }

  /// Calls in flight finish; the client finds the next server at the same address by itself.
  @Test func drainAndReconnect() async throws {
    var configuration = ServerConfiguration(host: "127.0.0.1", port: 0)
    let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
    let first = Server(
      configuration: configuration, router: EchoService.router(hangs: { hasBegun.yield() }))
    configuration.port = try first.start().port
    let client = Client(HostPort(host: "127.0.0.1", port: configuration.port))
    let slow = Task { () -> Bool in
      do throws(Status) {
        _ = try await client.unary(
          "/test.Echo/Hang", OutgoingMessage([1]), timeout: .milliseconds(1_500))
        return false
      } catch {
        return error.code == .deadlineExceeded
      }
    }
    // Not after a while: on a busy machine the call may begin late, and then it is too late for it.
    for await _ in begun { break }
    let began = MonotonicInstant.now()
    first.drain(grace: .seconds(20))
    first.waitUntilClosed()
    #expect(await slow.value)
    #expect(MonotonicInstant.now().duration(since: began) < .seconds(15))
    do throws(Status) {
      _ = try await client.unary("/test.Echo/Echo", OutgoingMessage([1]))
      Issue.record("a call without a server succeeded")
    } catch {
      #expect(error.code == .unavailable)
    }
    let second = Server(configuration: configuration, router: EchoService.router())
    _ = try second.start()
    let reply = try await client.unary("/test.Echo/Echo", OutgoingMessage([7]))
    #expect(reply.withUnsafeBytes { Array($0) } == [7])
    client.close()
    second.drain(grace: .seconds(5))
    second.waitUntilClosed()
  }

  /// Whoever is still there when the grace time is over is cut off.
  @Test(.timeLimit(.minutes(1))) func graceEnds() async throws {
    let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
    let server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0),
      router: EchoService.router(hangs: { hasBegun.yield() }))
    let client = Client(try server.start())
    let hanging = Task { () -> Status? in
      do throws(Status) {
        _ = try await client.unary("/test.Echo/Hang", OutgoingMessage([1]))
        return nil
      } catch {
        return error
      }
    }
    for await _ in begun { break }
    server.drain(grace: .milliseconds(200))
    server.waitUntilClosed()
    #expect(await hanging.value?.code == .unavailable)
    client.close()
  }

  @Test func portInUse() throws {
    let first = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0), router: Router())
    let port = try first.start().port
    let second = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: port), router: Router())
    #expect(throws: ListenError.self) { try second.start() }
    first.drain(grace: .zero)
    first.waitUntilClosed()
  }

  @Test func nobodyListens() async throws {
    let client = Client(HostPort(host: "127.0.0.1", port: 1))
    do throws(Status) {
      _ = try await client.unary("/test.Echo/Echo", OutgoingMessage([1]))
      Issue.record("a call without a server succeeded")
    } catch {
      #expect(error.code == .unavailable)
    }
    client.close()
  }
}
