// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import GRPC

@Suite struct MemoryBudgetTests {
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
      budget.join(bytes, ceiling: 100, line: 10) { order.withLock { $0.append(number) } }
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
    let first = try #require(budget.join(60, ceiling: 100, line: 10) {}.ticket)
    let second = budget.join(40, ceiling: 100, line: 10) { granted.withLock { $0 = true } }
    #expect(second.ticket != nil)
    #expect(budget.leave(first))
    #expect(granted.withLock { $0 })
  }

  @Test func theAisleIsForSmallMessagesAlone() throws {
    let budget = MemoryBudget(bytes: 100)
    #expect(budget.join(60, ceiling: 70, line: 10) {}.isGranted)
    let ticket = try #require(budget.join(50, ceiling: 70, line: 10) {}.ticket)
    // The line holds up what has no aisle, even where it would fit.
    #expect(budget.join(10, ceiling: 70, line: 1) {}.isRefused)
    guard case .grantedInAisle = budget.join(10, ceiling: 70, line: 1, aisle: 15, granted: {})
    else { return #expect(Bool(false), "the aisle is free") }
    #expect(budget.join(6, ceiling: 70, line: 1, aisle: 15) {}.isRefused)
    #expect(budget.used == 70)
    // What stands in the aisle takes nothing of the line's part.
    #expect(budget.leave(ticket))
    #expect(budget.join(10, ceiling: 70, line: 1) {}.isGranted)
    budget.release(10, .aisle)
    #expect(budget.used == 70)
    let waiting = try #require(budget.join(1, ceiling: 70, line: 1) {}.ticket)
    #expect(budget.leave(waiting))
  }

  @Test func lineAndCeilingAreBounds() {
    let budget = MemoryBudget(bytes: 100)
    #expect(budget.join(71, ceiling: 70, line: 10) {}.isRefused)
    #expect(budget.reserve(100))
    #expect(budget.join(1, ceiling: 70, line: 1) {}.ticket != nil)
    #expect(budget.join(1, ceiling: 70, line: 1) {}.isRefused)
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
