// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What one connection holds of a ``MemoryBudget`` and waits for, so that none takes the shares of all.
///
/// Of large messages only the places in line are: a connection has one at a time.
final class MemoryAccount: Sendable {
  struct Holdings {
    /// Bytes of messages outside the aisle.
    var messages = 0
    var inAisle = 0
    var byReplies = 0
    /// Places in the line.
    var waiting = 0
  }

  /// Only the budget touches it, under its lock.
  nonisolated(unsafe) var holdings = Holdings()
  /// Called when a reply found no memory that it might have had, on any thread.
  let replyRefused: @Sendable (_ bytes: Int) -> Void

  init(replyRefused: @escaping @Sendable (_ bytes: Int) -> Void = { _ in }) {
    self.replyRefused = replyRefused
  }
}

/// Bytes taken from a ``MemoryBudget``, given back with the last reference.
public final class Reservation: Sendable {
  private let budget: MemoryBudget
  private let bytes: Atomic<Int>
  private let purpose: MemoryBudget.Purpose
  private let account: MemoryAccount?

  /// Takes over `bytes` that were reserved before.
  init(
    _ budget: MemoryBudget, reserved bytes: Int, _ purpose: MemoryBudget.Purpose = .work,
    _ account: MemoryAccount? = nil
  ) {
    self.budget = budget
    self.bytes = Atomic(bytes)
    self.purpose = purpose
    self.account = account
  }

  deinit { budget.release(count, purpose, account) }

  /// The bytes that are reserved.
  var count: Int { bytes.load(ordering: .relaxed) }

  /// Gives back all but `count` bytes.
  func shrink(to count: Int) {
    let before = bytes.load(ordering: .relaxed)
    guard count < before else { return }
    bytes.store(count, ordering: .relaxed)
    budget.release(before - count, purpose, account)
  }
}
