// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct MessageReaderTests {
  /// Feeds `chunks` and returns the messages, giving each prefix its storage at once.
  private func read(_ reader: inout MessageReader, _ chunks: [[UInt8]]) throws -> [[UInt8]] {
    var messages: [[UInt8]] = []
    for chunk in chunks {
      try chunk.withUnsafeBytes { bytes in
        var rest = bytes
        reading: while true {
          switch reader.next(&rest) {
          case .starved: break reading
          case .prefix(let prefix):
            reader.begin(try #require(ReceivedMessage(count: prefix.length, reservation: nil)))
          case .message(let message, let prefix):
            #expect(message.count == prefix.length)
            messages.append(message.withUnsafeBytes { Array($0) })
          }
        }
        #expect(rest.isEmpty)
      }
    }
    return messages
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func anyChunksGiveTheSameMessages(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let messages = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
      random.bytes(Int.random(in: 0..<40, using: &random))
    }
    var wire = messages.flatMap { RawFrame.message($0) }
    var chunks: [[UInt8]] = []
    while !wire.isEmpty {
      let count = Int.random(in: 0...min(17, wire.count), using: &random)
      chunks.append(Array(wire.prefix(count)))
      wire.removeFirst(count)
    }
    var reader = MessageReader()
    #expect(try read(&reader, chunks) == messages, "seed \(seed)")
    #expect(reader.isBetweenMessages, "seed \(seed)")
  }

  @Test func outgoingMessagesAreReadBack() throws {
    let message = OutgoingMessage([1, 2, 3])
    var queue = OutgoingQueue()
    queue.append(message)
    queue.append(OutgoingMessage([]))
    #expect(queue.byteCount == 13)
    var wire: [UInt8] = []
    var target = [UInt8](repeating: 0, count: 4)
    while !queue.isEmpty {
      let count = target.withUnsafeMutableBytes { queue.copy(into: $0) }
      wire += target[..<count]
    }
    #expect(!queue.isInsideMessage)
    var reader = MessageReader()
    #expect(try read(&reader, [wire]) == [[1, 2, 3], []])
  }

  @Test func stopsAtThePrefix() {
    var reader = MessageReader()
    let wire = RawFrame.message([], flag: 1, length: 0xffff_fffe) + [9]
    wire.withUnsafeBytes { bytes in
      var rest = bytes
      guard case .prefix(let prefix) = reader.next(&rest) else {
        Issue.record("no prefix")
        return
      }
      #expect(prefix == MessageReader.Prefix(flag: 1, length: 0xffff_fffe))
      #expect(rest.count == 1)
      guard case .starved = reader.next(&rest) else {
        Issue.record("went on without storage")
        return
      }
      #expect(rest.count == 1)
    }
    #expect(!reader.isBetweenMessages)
  }
}

@Suite struct CompressionTests {
  @Test(arguments: Compression.allCases)
  func comesBack(_ encoding: Compression) throws {
    for seed in 0..<20 as Range<UInt64> {
      var random = SeededGenerator(seed: seed)
      // Repetitive, so that it can be made smaller.
      let part = random.bytes(50)
      let bytes = (0..<Int.random(in: 2..<400, using: &random)).flatMap { _ in part }
      let packed = try #require(encoding.compress(OutgoingMessage(bytes)), "seed \(seed)")
      #expect(packed.isCompressed && packed.count < bytes.count)
      let message = try #require(ReceivedMessage(packed.withUnsafeBytes { Array($0) }))
      let plain = try encoding.decompress(message, limit: bytes.count)
      #expect(plain.withUnsafeBytes { Array($0) } == bytes, "seed \(seed)")
      #expect(throws: Status.self) { try encoding.decompress(message, limit: bytes.count - 1) }
    }
  }

  @Test func whatDoesNotShrinkStays() {
    var random = SeededGenerator(seed: 1)
    #expect(Compression.gzip.compress(OutgoingMessage(random.bytes(2_000))) == nil)
  }

  /// Every prefix, and every bit turned, is an error or the same bytes; never a crash.
  @Test func damageIsFound() throws {
    let bytes = [UInt8](repeating: 3, count: 500)
    let packed = try #require(Compression.gzip.compress(OutgoingMessage(bytes)))
    let wire = packed.withUnsafeBytes { Array($0) }
    for length in 0..<wire.count {
      let message = try #require(ReceivedMessage(Array(wire[..<length])))
      #expect(throws: Status.self) { try Compression.gzip.decompress(message, limit: 4_096) }
    }
    for bit in 0..<wire.count * 8 {
      var damaged = wire
      damaged[bit / 8] ^= 1 << (bit % 8)
      let message = try #require(ReceivedMessage(damaged))
      if let plain = try? Compression.gzip.decompress(message, limit: 4_096) {
        #expect(plain.withUnsafeBytes { Array($0) } == bytes)
      }
    }
  }

  @Test func reservationShrinksToTheResult() throws {
    let bytes = [UInt8](repeating: 3, count: 10_000)
    let packed = try #require(Compression.gzip.compress(OutgoingMessage(bytes)))
    let wire = packed.withUnsafeBytes { Array($0) }
    let budget = MemoryBudget(bytes: 1 << 20)
    let reserved = wire.count + Compression.bound(compressed: wire.count, limit: 1 << 18)
    #expect(budget.reserve(reserved))
    var message = ReceivedMessage(
      count: wire.count, reservation: Reservation(budget, reserved: reserved))
    try #require(message).storage.copyMemory(from: wire, byteCount: wire.count)
    var plain: ReceivedMessage? = try Compression.gzip.decompress(
      try #require(message), limit: 1 << 18)
    message = nil
    #expect(plain?.count == bytes.count)
    #expect(budget.used == bytes.count)
    plain = nil
    #expect(budget.used == 0)
  }
}
