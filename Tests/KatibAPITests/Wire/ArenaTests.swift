// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import KatibAPI

/// A budget that keeps books.
private final class Ledger: Sendable {
  private let books: Mutex<(granted: Int, peak: Int)> = Mutex((0, 0))
  let limit: Int

  init(limit: Int) { self.limit = limit }

  var granted: Int { books.withLock { $0.granted } }
  var peak: Int { books.withLock { $0.peak } }

  var budget: ArenaBudget {
    ArenaBudget(
      reserve: { bytes in
        self.books.withLock { books in
          guard books.granted + bytes <= self.limit else { return false }
          books.granted += bytes
          books.peak = max(books.peak, books.granted)
          return true
        }
      },
      release: { bytes in self.books.withLock { $0.granted -= bytes } })
  }
}

@Suite struct ArenaTests {
  @Test func allocationsAreAlignedAndApart() throws {
    let arena = try Arena(capacity: 1 << 20, budget: .unlimited)
    var end = UInt(0)
    for size in [0, 1, 15, 16, 17, 100, 4096, 3] {
      let address = UInt(bitPattern: try arena.allocate(size))
      #expect(address.isMultiple(of: 16))
      #expect(address >= end)
      end = address + UInt(size)
    }
  }

  @Test func refusesPastCapacityAndRecovers() throws {
    let arena = try Arena(capacity: 1 << 20, budget: .unlimited)
    for size in [1 << 20, 1 << 40, Int.max, Int.max - 8, -1, Int.min] {
      #expect(throws: Arena.exhausted) { try arena.allocate(size) }
      #expect(arena.isExhausted)
      arena.reset()
      #expect(!arena.isExhausted)
    }
    _ = try arena.allocate((1 << 20) - 64)
    #expect(throws: Arena.exhausted) { try arena.allocate(64) }
  }

  @Test func asksTheBudgetAboveTheFloorOnlyAndGivesBack() throws {
    let ledger = Ledger(limit: 1 << 20)
    let pool = ArenaPool(capacity: 8 << 20, budget: ledger.budget)
    try pool.withArena { arena throws(WireError) in
      _ = try arena.allocate(WireLimits.arenaFloor - 64)
      #expect(ledger.granted == 0)
      _ = try arena.allocate(500_000)
      #expect(ledger.granted > 400_000)
    }
    #expect(ledger.granted == 0)
    let refusal = wireError {
      try pool.withArena { arena throws(WireError) in _ = try arena.allocate(2 << 20) }
    }
    #expect(refusal == Arena.refused)
    #expect(ledger.granted == 0)
    #expect(ledger.peak <= ledger.limit)
  }

  @Test func memoryIsReadableAndWritableToTheLastByte() throws {
    let arena = try Arena(capacity: 1 << 20, budget: .unlimited)
    for _ in 0..<3 {
      let size = (1 << 20) - 16
      let memory = try arena.allocate(size)
      memory.initializeMemory(as: UInt8.self, repeating: 0x5a, count: size)
      #expect(memory.load(fromByteOffset: size - 1, as: UInt8.self) == 0x5a)
      arena.trim()
    }
  }
}
