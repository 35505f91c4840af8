// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A process-wide account of message memory: receive buffers and decode arenas.
///
/// A reservation is for a whole message or nothing. Partial ones would deadlock: four uploads that
/// each hold half of what they need wait for each other for ever.
///
/// Two ways to ask. ``reserve(_:)`` answers at once and is for memory a handler needs to finish
/// what it began. Received messages instead wait in line (first come, first served) and only ever
/// fill part of the budget, the ceiling, so that handlers can go on and give memory back. Small
/// messages need not stand behind large ones: where there is a line, they have an aisle, a part of
/// the budget of their own.
public final class MemoryBudget: Sendable {
  /// A place in the line.
  struct Ticket: Sendable, Equatable {
    fileprivate var number: UInt64
  }

  enum Answer {
    case granted
    /// The memory comes out of the aisle, and goes back there.
    case grantedInAisle
    case waiting(Ticket)
    /// The message can never fit, or the line is full.
    case refused
  }

  private struct Waiter {
    var ticket: Ticket
    var bytes: Int
    var ceiling: Int
    /// Called once, on the thread that gave memory back, outside the lock.
    var granted: @Sendable () -> Void
  }

  private struct State {
    var used = 0
    /// Of that, what messages took in the aisle.
    var usedInAisle = 0
    var tickets: UInt64 = 0
    var line: [Waiter] = []

    /// Takes from the head of the line everyone who fits now.
    mutating func admit() -> [Waiter] {
      var admitted = 0
      while admitted < line.count,
        used - usedInAisle + line[admitted].bytes <= line[admitted].ceiling
      {
        used += line[admitted].bytes
        admitted += 1
      }
      guard admitted > 0 else { return [] }
      defer { line.removeFirst(admitted) }
      return Array(line[..<admitted])
    }
  }

  /// The size of the budget in bytes.
  public let capacity: Int
  private let state = Mutex(State())

  public init(bytes: Int) {
    capacity = bytes
  }

  /// The bytes reserved now.
  public var used: Int { state.withLock { $0.used } }

  /// The number of messages that wait for memory.
  public var waiting: Int { state.withLock { $0.line.count } }

  /// Reserves `bytes` at once or not at all.
  /// - Returns: whether the reservation was made; give it back with ``release(_:)``.
  public func reserve(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard bytes <= capacity - state.used else { return false }
      state.used += bytes
      return true
    }
  }

  /// Gives back what was reserved.
  public func release(_ bytes: Int) {
    release(bytes, inAisle: false)
  }

  func release(_ bytes: Int, inAisle: Bool) {
    guard bytes > 0 else { return }
    let admitted = state.withLock { state in
      state.used -= bytes
      if inAisle { state.usedInAisle -= bytes }
      return state.admit()
    }
    for waiter in admitted { waiter.granted() }
  }

  /// Reserves `bytes` for a message, or joins the line.
  /// - Parameters:
  ///   - ceiling: the use of the whole budget this reservation may not exceed.
  ///   - line: how many may wait.
  ///   - aisle: how much of the budget messages that do not wait in line may take; 0 for a message
  ///     that must.
  ///   - granted: called when a waiting reservation was made, on any thread.
  func join(
    _ bytes: Int, ceiling: Int, line: Int, aisle: Int = 0,
    granted: @escaping @Sendable () -> Void
  ) -> Answer {
    let ceiling = min(ceiling, capacity)
    return state.withLock { state in
      guard bytes <= ceiling else { return .refused }
      if state.line.isEmpty, state.used - state.usedInAisle + bytes <= ceiling {
        state.used += bytes
        return .granted
      }
      if state.usedInAisle + bytes <= aisle, bytes <= capacity - state.used {
        state.used += bytes
        state.usedInAisle += bytes
        return .grantedInAisle
      }
      guard state.line.count < line else { return .refused }
      state.tickets += 1
      let ticket = Ticket(number: state.tickets)
      state.line.append(Waiter(ticket: ticket, bytes: bytes, ceiling: ceiling, granted: granted))
      return .waiting(ticket)
    }
  }

  /// Leaves the line.
  /// - Returns: false if the reservation was already made; the caller then owns it.
  func leave(_ ticket: Ticket) -> Bool {
    let (left, admitted) = state.withLock { state -> (Bool, [Waiter]) in
      guard let index = state.line.firstIndex(where: { $0.ticket == ticket }) else {
        return (false, [])
      }
      state.line.remove(at: index)
      return (true, state.admit())
    }
    for waiter in admitted { waiter.granted() }
    return left
  }
}

/// Bytes taken from a ``MemoryBudget``, given back with the last reference.
final class Reservation: Sendable {
  private let budget: MemoryBudget
  private let bytes: Atomic<Int>
  private let isInAisle: Bool

  /// Takes over `bytes` that were reserved before.
  init(_ budget: MemoryBudget, reserved bytes: Int, inAisle: Bool = false) {
    self.budget = budget
    self.bytes = Atomic(bytes)
    isInAisle = inAisle
  }

  deinit { budget.release(bytes.load(ordering: .relaxed), inAisle: isInAisle) }

  /// Gives back all but `count` bytes.
  func shrink(to count: Int) {
    let before = bytes.load(ordering: .relaxed)
    guard count < before else { return }
    bytes.store(count, ordering: .relaxed)
    budget.release(before - count, inAisle: isInAisle)
  }
}
