// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import CNghttp2
import Testing

@testable import GRPC

/// The allocator as nghttp2 sees it: four C functions and a pointer.
@Suite struct SessionMemoryTests {
  private let memory = SessionMemory()

  private func take(_ size: Int) -> UnsafeMutableRawPointer? {
    memory.functions.malloc(size, memory.functions.mem_user_data)
  }

  private func give(_ block: UnsafeMutableRawPointer?) {
    memory.functions.free(block, memory.functions.mem_user_data)
  }

  private func resize(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    memory.functions.realloc(block, size, memory.functions.mem_user_data)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 1_000, 1_024])
  func freedBlocksComeBack(size: Int) throws {
    let block = try #require(take(size))
    #expect(Int(bitPattern: block).isMultiple(of: 16))
    block.initializeMemory(as: UInt8.self, repeating: 0xa5, count: size)
    give(block)
    #expect(take(size) == block)
    #expect(take(size) != block)
  }

  @Test func sizesDoNotMix() throws {
    let small = try #require(take(64))
    give(small)
    let large = try #require(take(65))
    #expect(large != small)
    large.initializeMemory(as: UInt8.self, repeating: 1, count: 128)
    #expect(take(1) == small)
  }

  @Test func clearedBlocksAreClear() throws {
    let used = try #require(take(200))
    used.initializeMemory(as: UInt8.self, repeating: 0xff, count: 200)
    give(used)
    let functions = memory.functions
    let block = try #require(functions.calloc(50, 4, functions.mem_user_data))
    #expect(block == used)
    #expect(UnsafeRawBufferPointer(start: block, count: 200).allSatisfy { $0 == 0 })
    #expect(functions.calloc(.max, 2, functions.mem_user_data) == nil)
    #expect(take(.max) == nil)
  }

  /// From nothing, within a block, into a larger one, into one of malloc's, and on from there.
  @Test func resizingKeepsTheBytes() throws {
    var block = try #require(resize(nil, 10))
    for (i, size) in [10, 64, 65, 900, 1_024, 1_025, 50_000, 200_000].enumerated() {
      block = try #require(resize(block, size))
      let bytes = UnsafeMutableRawBufferPointer(start: block, count: size)
      if i > 0 { #expect(bytes.prefix(10).allSatisfy { $0 == 0x5a }) }
      for j in bytes.indices { bytes[j] = 0x5a }
    }
    give(block)
    give(nil)
  }

  /// A burst may not keep its memory for ever.
  @Test func notMoreThanSomeAreKept() throws {
    let blocks = try (0..<2_000).map { _ in try #require(take(256)) }
    blocks.forEach(give)
    let again = Set((0..<2_000).compactMap { _ in take(256) })
    // 256 come from the list; malloc may or may not give the others back in another order.
    #expect(again.count == 2_000)
    #expect(again.intersection(blocks).count >= 256)
  }
}
