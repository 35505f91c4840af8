// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

/// Damaged conversations: whatever arrives, the server stays alive and gives everything back.
@Suite struct FuzzTests {
  private func conversation(_ random: inout SeededGenerator) -> [[UInt8]] {
    let paths = ["Echo", "Work", "Fail", "Stream", "None"]
    let extras: [[(String, String)]] = [
      [], [("grpc-timeout", "1m")], [("grpc-encoding", "gzip")], [("x-bin", "YQ")],
      [("grpc-accept-encoding", "gzip,deflate")],
    ]
    var frames = [RawFrame.settings([(4, UInt32.random(in: 0...70_000, using: &random))])]
    for index in 0..<Int32.random(in: 1...8, using: &random) {
      let stream = index * 2 + 1
      var fields = RawClient.request + (extras.randomElement(using: &random) ?? [])
      fields[2].1 = "/test.Echo/" + (paths.randomElement(using: &random) ?? "Echo")
      frames.append(RawFrame.headers(stream: stream, fields))
      let message = RawFrame.message(
        random.bytes(Int.random(in: 0...9_000, using: &random)),
        flag: UInt8.random(in: 0...1, using: &random))
      let cut = Int.random(in: 0...message.count, using: &random)
      frames.append(RawFrame.data(stream: stream, Array(message[..<cut])))
      let isEnd = Bool.random(using: &random)
      frames.append(RawFrame.data(stream: stream, Array(message[cut...]), endStream: isEnd))
      switch Int.random(in: 0..<6, using: &random) {
      case 0: frames.append(RawFrame.frame(.reset, stream: stream, [0, 0, 0, 8]))
      case 1: frames.append(RawFrame.frame(.ping, stream: 0, random.bytes(8)))
      case 2: frames.append(RawFrame.frame(.windowUpdate, stream: stream, [0, 0, 1, 0]))
      default: break
      }
    }
    return frames
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func nothingIsLeftBehind(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var limits = Limits()
    limits.memoryBudgetBytes = 20_000
    limits.receiveBudgetBytes = 15_000
    let server = TestServer(limits: limits, queue: 4)
    let client = try RawClient(server, settings: nil)
    client.send(RawFrame.preface)
    for var frame in conversation(&random) {
      // Damage a few bytes of every other frame.
      if Bool.random(using: &random), !frame.isEmpty {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          frame[Int.random(in: 0..<frame.count, using: &random)] = random.bytes(1)[0]
        }
      }
      client.send(frame)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: while client.connection.nextOutput() != nil {}
      case 1: server.work()
      case 2: client.advance(.milliseconds(Int64.random(in: 0...2, using: &random)))
      default: break
      }
    }
    server.work()
    while client.connection.nextOutput() != nil {}
    client.connection.lost(now: server.now)
    server.work()
    #expect(server.core.budget.used == 0, "seed \(seed)")
    #expect(server.core.budget.waiting == 0, "seed \(seed)")
    #expect(server.core.openCalls == 0, "seed \(seed)")
  }
}
