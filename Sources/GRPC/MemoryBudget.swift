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
/// the budget of their own. Replies that wait for their readers have a share, too, and are not what
/// received messages wait for: a client that takes its time to read must not hold up who asks.
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

  /// What memory is reserved for.
  enum Purpose {
    /// Whatever counts against the ceiling: messages in line, and what handlers work with.
    case work
    case aisle
    case reply
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
    /// Of that, what replies hold.
    var usedByReplies = 0
    var tickets: UInt64 = 0
    var line: [Waiter] = []

    func fits(_ bytes: Int, ceiling: Int, capacity: Int) -> Bool {
      used - usedInAisle - usedByReplies + bytes <= ceiling && bytes <= capacity - used
    }

    /// Takes from the head of the line everyone who fits now.
    mutating func admit(_ capacity: Int) -> [Waiter] {
      var admitted = 0
      while admitted < line.count,
        fits(line[admitted].bytes, ceiling: line[admitted].ceiling, capacity: capacity)
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
  /// The part of it that replies may take.
  private let replies: Int
  private let state = Mutex(State())

  /// - Parameter replies: the bytes that replies may take; nil for as many as there are.
  public init(bytes: Int, replies: Int? = nil) {
    capacity = bytes
    self.replies = replies ?? bytes
  }

  /// The budget that the limits name.
  public convenience init(_ limits: Limits) {
    self.init(bytes: limits.memoryBudgetBytes, replies: limits.replyBudgetBytes)
  }

  /// The bytes reserved now.
  public var used: Int { state.withLock { $0.used } }

  /// The number of messages that wait for memory.
  public var waiting: Int { state.withLock { $0.line.count } }

  /// Whether replies hold more than half of what they may.
  var isShortOfReplies: Bool { state.withLock { $0.usedByReplies > replies / 2 } }

  /// Reserves `bytes` at once or not at all.
  /// - Returns: whether the reservation was made; give it back with ``release(_:)``.
  public func reserve(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard bytes <= capacity - state.used else { return false }
      state.used += bytes
      return true
    }
  }

  /// The same for a reply.
  func reserveReply(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard bytes <= min(capacity - state.used, replies - state.usedByReplies) else { return false }
      state.used += bytes
      state.usedByReplies += bytes
      return true
    }
  }

  /// Gives back what was reserved.
  public func release(_ bytes: Int) {
    release(bytes, .work)
  }

  func release(_ bytes: Int, _ purpose: Purpose) {
    guard bytes > 0 else { return }
    let admitted = state.withLock { state in
      state.used -= bytes
      switch purpose {
      case .work: break
      case .aisle: state.usedInAisle -= bytes
      case .reply: state.usedByReplies -= bytes
      }
      return state.admit(capacity)
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
      if state.line.isEmpty, state.fits(bytes, ceiling: ceiling, capacity: capacity) {
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
      return (true, state.admit(capacity))
    }
    for waiter in admitted { waiter.granted() }
    return left
  }
}

/// Bytes taken from a ``MemoryBudget``, given back with the last reference.
final class Reservation: Sendable {
  private let budget: MemoryBudget
  private let bytes: Atomic<Int>
  private let purpose: MemoryBudget.Purpose

  /// Takes over `bytes` that were reserved before.
  init(
    _ budget: MemoryBudget, reserved bytes: Int, _ purpose: MemoryBudget.Purpose = .work
  ) {
    self.budget = budget
    self.bytes = Atomic(bytes)
    self.purpose = purpose
  }

  deinit { budget.release(bytes.load(ordering: .relaxed), purpose) }

  /// Gives back all but `count` bytes.
  func shrink(to count: Int) {
    let before = bytes.load(ordering: .relaxed)
    guard count < before else { return }
    bytes.store(count, ordering: .relaxed)
    budget.release(before - count, purpose)
  }
}
