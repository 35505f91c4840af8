// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GRPC

@Suite struct MemoryBudgetTests {
  private func join(
    _ budget: MemoryBudget, _ bytes: Int, ceiling: Int, line: Int, aisle: Int = 0,
    granted: @escaping @Sendable () -> Void
  ) -> MemoryBudget.Answer {
    budget.join(
      bytes, MemoryBudget.Terms(ceiling: ceiling, line: line, aisle: aisle), granted: granted)
  }

  @Test func wholeOrNothing() {
    let budget = MemoryBudget(bytes: 100)
    #expect(budget.reserve(60))
    #expect(!budget.reserve(41))
    #expect(budget.used == 60)
    #expect(budget.reserve(40))
    budget.release(100)
    #expect(budget.used == 0)
  }

  @Test func firstComeFirstServed() throws {
    let budget = MemoryBudget(bytes: 100)
    let order = Mutex<[Int]>([])
    func join(_ number: Int, _ bytes: Int) -> MemoryBudget.Answer {
      self.join(budget, bytes, ceiling: 100, line: 10) { order.withLock { $0.append(number) } }
    }
    #expect(join(0, 80).isGranted)
    _ = try #require(join(1, 50).ticket)
    // 2 would fit, but 1 came first and would starve behind small ones.
    let ticket = try #require(join(2, 10).ticket)
    _ = try #require(join(3, 40).ticket)
    #expect(budget.leave(ticket))
    budget.release(80)
    #expect(order.withLock { $0 } == [1, 3])
    #expect(budget.used == 90)
    #expect(!budget.leave(ticket))
  }

  @Test func leavingLetsTheNextIn() throws {
    let budget = MemoryBudget(bytes: 100)
    let granted = Mutex(false)
    #expect(budget.reserve(50))
    let first = try #require(join(budget, 60, ceiling: 100, line: 10) {}.ticket)
    let second = join(budget, 40, ceiling: 100, line: 10) { granted.withLock { $0 = true } }
    #expect(second.ticket != nil)
    #expect(budget.leave(first))
    #expect(granted.withLock { $0 })
  }

  @Test func theAisleIsForSmallMessagesAlone() throws {
    let budget = MemoryBudget(bytes: 100)
    #expect(join(budget, 60, ceiling: 70, line: 10) {}.isGranted)
    let ticket = try #require(join(budget, 50, ceiling: 70, line: 10) {}.ticket)
    // The line holds up what has no aisle, even where it would fit.
    #expect(join(budget, 10, ceiling: 70, line: 1) {}.isRefused)
    guard case .grantedInAisle = join(budget, 10, ceiling: 70, line: 1, aisle: 15, granted: {})
    else { return #expect(Bool(false), "the aisle is free") }
    #expect(join(budget, 6, ceiling: 70, line: 1, aisle: 15) {}.isRefused)
    #expect(budget.used == 70)
    // What stands in the aisle takes nothing of the line's part.
    #expect(budget.leave(ticket))
    #expect(join(budget, 10, ceiling: 70, line: 1) {}.isGranted)
    budget.release(10, .aisle)
    #expect(budget.used == 70)
    let waiting = try #require(join(budget, 1, ceiling: 70, line: 1) {}.ticket)
    #expect(budget.leave(waiting))
  }

  @Test func lineAndCeilingAreBounds() {
    let budget = MemoryBudget(bytes: 100)
    #expect(join(budget, 71, ceiling: 70, line: 10) {}.isRefused)
    #expect(budget.reserve(100))
    #expect(join(budget, 1, ceiling: 70, line: 1) {}.ticket != nil)
    #expect(join(budget, 1, ceiling: 70, line: 1) {}.isRefused)
  }

  // MARK: Accounts

  /// Half of the ceiling is anybody's, then each has a share. Who waits for theirs holds up nobody.
  @Test func oneAccountDoesNotTakeAll() throws {
    let budget = MemoryBudget(bytes: 100)
    let terms = MemoryBudget.Terms(ceiling: 80, share: 20, line: 10)
    let (hog, other) = (MemoryAccount(), MemoryAccount())
    let granted = Mutex<[String]>([])
    func ask(_ bytes: Int, _ account: MemoryAccount, _ name: String) -> MemoryBudget.Answer {
      budget.join(bytes, terms, account) { granted.withLock { $0.append(name) } }
    }
    #expect(ask(30, hog, "").isGranted && ask(10, hog, "").isGranted)
    #expect(ask(10, hog, "hog 1").ticket != nil && ask(10, hog, "hog 2").ticket != nil)
    #expect(budget.waiting(hog) == 2)
    #expect(ask(10, other, "").isGranted && ask(10, other, "").isGranted)
    budget.release(30, .message, hog)
    #expect(granted.withLock { $0 } == ["hog 1"])
    budget.release(10, .message, other)
    #expect(granted.withLock { $0 } == ["hog 1", "hog 2"])
    #expect(budget.waiting(hog) == 0 && budget.waiting == 0)
    budget.release(30, .message, hog)
    budget.release(10, .message, other)
    #expect(budget.used == 0)
    #expect(hog.holdings.messages == 0 && other.holdings.messages == 0)
  }

  @Test func oneAccountDoesNotFillTheAisle() throws {
    let budget = MemoryBudget(bytes: 200)
    let terms = MemoryBudget.Terms(ceiling: 100, share: 100, line: 0, aisle: 40, aisleShare: 10)
    #expect(join(budget, 100, ceiling: 100, line: 0) {}.isGranted)
    let (hog, other) = (MemoryAccount(), MemoryAccount())
    func ask(_ bytes: Int, _ account: MemoryAccount) -> Bool {
      if case .grantedInAisle = budget.join(bytes, terms, account, granted: {}) {
        true
      } else {
        false
      }
    }
    #expect(ask(20, hog))
    #expect(!ask(1, hog))
    #expect(ask(10, other))
    #expect(!ask(1, other))
    budget.release(20, .aisle, hog)
    #expect(ask(10, other))
  }

  @Test func repliesOfOneAccountLeaveRoom() throws {
    let budget = MemoryBudget(bytes: 100, replies: 60)
    let refused = Mutex<[Int]>([])
    let hog = MemoryAccount { bytes in refused.withLock { $0.append(bytes) } }
    #expect(budget.reserveReply(15, hog) && budget.reserveReply(15, hog))
    #expect(!budget.reserveReply(1, hog))
    // It is its own fault, so nobody else's reply has to go.
    #expect(refused.withLock { $0 } == [])
    // A first one may have any size.
    let other = MemoryAccount()
    #expect(budget.reserveReply(30, other))
    budget.release(15, .reply, hog)
    #expect(!budget.reserveReply(16, MemoryAccount()))
    #expect(!budget.reserveReply(16))
    budget.release(15, .reply, hog)
    budget.release(30, .reply, other)
    #expect(budget.used == 0)
    #expect(!budget.reserveReply(61, hog))
    #expect(refused.withLock { $0 } == [61])
  }
}

extension MemoryBudget.Answer {
  var isGranted: Bool {
    if case .granted = self { true } else { false }
  }

  fileprivate var isRefused: Bool {
    if case .refused = self { true } else { false }
  }

  fileprivate var ticket: MemoryBudget.Ticket? {
    if case .waiting(let ticket) = self { ticket } else { nil }
  }
}
