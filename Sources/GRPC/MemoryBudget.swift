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
///
/// No account (connection) takes all of a share: from where half of it is taken, each may hold a part
/// only, and what is over it waits in line without holding up others.
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
    /// Whatever counts against the ceiling and for no account: large messages, and what handlers
    /// work with.
    case work
    /// Counts against the ceiling and for an account.
    case message
    case aisle
    case reply
  }

  /// What received messages ask by.
  struct Terms {
    /// The use of the whole budget that they may not exceed.
    var ceiling: Int
    /// What one account may hold once half of the ceiling is taken; nil for messages that do not
    /// count for it.
    var share: Int?
    /// How many may wait.
    var line: Int
    /// How much of the budget messages that do not wait in line may take; 0 for a message that must.
    var aisle = 0
    /// What one account may hold of the aisle once half of that is taken.
    var aisleShare = Int.max

    var purpose: Purpose { share == nil ? .work : .message }
  }

  private struct Waiter {
    var ticket: Ticket
    var bytes: Int
    var terms: Terms
    var account: MemoryAccount?
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

    /// What counts against a ceiling.
    private var usedForWork: Int { used - usedInAisle - usedByReplies }

    /// Whether it is the account that has too much.
    func isOverShare(_ bytes: Int, _ terms: Terms, _ account: MemoryAccount?) -> Bool {
      guard let account, let share = terms.share, usedForWork + bytes > terms.ceiling / 2
      else { return false }
      return account.holdings.messages + bytes > share
    }

    func fits(_ bytes: Int, _ terms: Terms, capacity: Int) -> Bool {
      usedForWork + bytes <= terms.ceiling && bytes <= capacity - used
    }

    func fitsInAisle(
      _ bytes: Int, _ terms: Terms, _ account: MemoryAccount?, capacity: Int
    ) -> Bool {
      guard usedInAisle + bytes <= terms.aisle, bytes <= capacity - used else { return false }
      guard let account, usedInAisle + bytes > terms.aisle / 2 else { return true }
      return account.holdings.inAisle + bytes <= terms.aisleShare
    }

    mutating func take(_ bytes: Int, _ terms: Terms, _ account: MemoryAccount?) {
      used += bytes
      if terms.share != nil { account?.holdings.messages += bytes }
    }

    /// Takes from the line, from its head on, everyone who fits now. Who waits for their own share
    /// alone holds up nobody.
    mutating func admit(_ capacity: Int) -> [Waiter] {
      guard !line.isEmpty else { return [] }
      var admitted: [Waiter] = []
      var index = 0
      while index < line.count {
        let waiter = line[index]
        if isOverShare(waiter.bytes, waiter.terms, waiter.account) {
          index += 1
          continue
        }
        guard fits(waiter.bytes, waiter.terms, capacity: capacity) else { break }
        take(waiter.bytes, waiter.terms, waiter.account)
        waiter.account?.holdings.waiting -= 1
        admitted.append(waiter)
        line.remove(at: index)
      }
      return admitted
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

  /// The same for a reply. From where half of the share is taken, one account may hold a third of it, or
  /// one reply of any size.
  func reserveReply(_ bytes: Int, _ account: MemoryAccount? = nil) -> Bool {
    enum Answer { case granted, refused, overShare }
    let answer = state.withLock { state -> Answer in
      if let held = account?.holdings.byReplies, held > 0, held + bytes > replies / 3,
        state.usedByReplies + bytes > replies / 2
      {
        return .overShare
      }
      guard bytes <= min(capacity - state.used, replies - state.usedByReplies) else {
        return .refused
      }
      state.used += bytes
      state.usedByReplies += bytes
      account?.holdings.byReplies += bytes
      return .granted
    }
    if case .refused = answer { account?.replyRefused(bytes) }
    return answer == .granted
  }

  /// What the replies of an account hold.
  func heldByReplies(_ account: MemoryAccount) -> Int {
    state.withLock { _ in account.holdings.byReplies }
  }

  /// The places that an account has in the line.
  func waiting(_ account: MemoryAccount) -> Int {
    state.withLock { _ in account.holdings.waiting }
  }

  /// Gives back what was reserved.
  public func release(_ bytes: Int) {
    release(bytes, .work)
  }

  func release(_ bytes: Int, _ purpose: Purpose, _ account: MemoryAccount? = nil) {
    guard bytes > 0 else { return }
    let admitted = state.withLock { state in
      state.used -= bytes
      switch purpose {
      case .work: break
      case .message: account?.holdings.messages -= bytes
      case .aisle:
        state.usedInAisle -= bytes
        account?.holdings.inAisle -= bytes
      case .reply:
        state.usedByReplies -= bytes
        account?.holdings.byReplies -= bytes
      }
      return state.admit(capacity)
    }
    for waiter in admitted { waiter.granted() }
  }

  /// Reserves `bytes` for a message, or joins the line.
  /// - Parameters:
  ///   - account: that they count for, until they are released; nil for none.
  ///   - granted: called when a waiting reservation was made, on any thread.
  func join(
    _ bytes: Int, _ terms: Terms, _ account: MemoryAccount? = nil,
    granted: @escaping @Sendable () -> Void
  ) -> Answer {
    var terms = terms
    terms.ceiling = min(terms.ceiling, capacity)
    return state.withLock { state in
      guard bytes <= terms.ceiling else { return .refused }
      let isHeldUp =
        state.isOverShare(bytes, terms, account)
        || state.line.contains { !state.isOverShare($0.bytes, $0.terms, $0.account) }
      if !isHeldUp, state.fits(bytes, terms, capacity: capacity) {
        state.take(bytes, terms, account)
        return .granted
      }
      if state.fitsInAisle(bytes, terms, account, capacity: capacity) {
        state.used += bytes
        state.usedInAisle += bytes
        account?.holdings.inAisle += bytes
        return .grantedInAisle
      }
      guard state.line.count < terms.line else { return .refused }
      state.tickets += 1
      let ticket = Ticket(number: state.tickets)
      account?.holdings.waiting += 1
      state.line.append(
        Waiter(ticket: ticket, bytes: bytes, terms: terms, account: account, granted: granted))
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
      state.line[index].account?.holdings.waiting -= 1
      state.line.remove(at: index)
      return (true, state.admit(capacity))
    }
    for waiter in admitted { waiter.granted() }
    return left
  }
}
