// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
internal import Glibc

/// Memory that protobuf-c unpacks into: taken in one direction, given back all at once.
///
/// protobuf-c allocates every string, array and sub-message apart, and makes a hostile message of
/// 1 MiB allocate 69 GB in total by merging. Here an allocation is an addition, `free` does
/// nothing, and past the capacity or the budget the answer is NULL, which fails the message. The
/// address range is mapped without being committed: pages that are never touched cost nothing.
///
/// An arena belongs to one thread at a time. Everything in it is gone after ``reset()``.
final class Arena {
  /// What the C callback sees: plain memory, so that an allocation touches no reference count.
  private struct State {
    var base: UnsafeMutableRawPointer
    var used: Int
    /// Bytes that may be used without asking the budget again.
    var granted: Int
    var capacity: Int
    var isExhausted: Bool
    /// Of an exhausted arena: whether the budget refused, and not the capacity.
    var isRefused: Bool
    var budget: ArenaBudget
  }

  /// What alignment every C type is content with.
  private static let alignment = 16
  /// How much is asked of the budget at a time.
  private static let grant = 256 << 10

  private let state: UnsafeMutablePointer<State>
  /// Pass this to protobuf-c.
  let allocator: UnsafeMutablePointer<ProtobufCAllocator>

  /// - Parameter capacity: bytes, at least ``WireLimits/arenaFloor``.
  /// - Throws: ``WireError/busy(_:)`` when the system has no address space left.
  init(capacity: Int, budget: ArenaBudget) throws(WireError) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    let mapping = mmap(nil, capacity, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let base = mapping, base != MAP_FAILED else {
      throw .busy("no memory for decoding: errno \(errno)")
    }
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        base: base, used: 0, granted: min(WireLimits.arenaFloor, capacity), capacity: capacity,
        isExhausted: false, isRefused: false, budget: budget))
    allocator = .allocate(capacity: 1)
    allocator.initialize(
      to: ProtobufCAllocator(
        alloc: { data, size in
          guard let data else { return nil }
          return Arena.take(size, from: data.assumingMemoryBound(to: State.self))
        },
        free: { _, _ in },
        allocator_data: UnsafeMutableRawPointer(state)))
  }

  deinit {
    releaseGrants()
    munmap(state.pointee.base, state.pointee.capacity)
    state.deinitialize(count: 1)
    state.deallocate()
    allocator.deallocate()
  }

  /// True since an allocation was refused, until the next ``reset()``.
  var isExhausted: Bool { state.pointee.isExhausted }

  /// Bytes handed out since the last ``reset()``.
  var used: Int { state.pointee.used }

  /// Forgets every allocation; keeps the memory for the next message.
  func reset() {
    state.pointee.used = 0
    state.pointee.isExhausted = false
    state.pointee.isRefused = false
  }

  /// Forgets every allocation and gives what lies above the floor back to the system and the
  /// budget.
  func trim() {
    reset()
    let floor = min(WireLimits.arenaFloor, state.pointee.capacity)
    guard state.pointee.granted > floor else { return }
    madvise(state.pointee.base + floor, state.pointee.granted - floor, MADV_DONTNEED)
    releaseGrants()
  }

  /// Memory of `size` bytes, 16-byte aligned, not cleared.
  /// - Throws: ``exhaustion``
  func allocate(_ size: Int) throws(WireError) -> UnsafeMutableRawPointer {
    guard let pointer = Arena.take(size, from: state) else { throw exhaustion }
    return pointer
  }

  /// Why an allocation was refused: the message is too large for any arena, or for what others leave
  /// of the budget.
  var exhaustion: WireError { state.pointee.isRefused ? Arena.refused : Arena.exhausted }

  static let exhausted = WireError.limit(
    "the message needs more memory to decode or encode than is allowed")
  static let refused = WireError.busy(
    "other messages use up the memory to decode or encode this one at the moment")

  private func releaseGrants() {
    let floor = min(WireLimits.arenaFloor, state.pointee.capacity)
    let extra = state.pointee.granted - floor
    if extra > 0 { state.pointee.budget.release(extra) }
    state.pointee.granted = floor
  }

  private static func take(
    _ size: Int, from state: UnsafeMutablePointer<State>
  ) -> UnsafeMutableRawPointer? {
    let used = state.pointee.used
    // Compare before adding: `size` may be anything, also more than Int holds.
    if size < 0 || size > state.pointee.granted - used - (alignment - 1) {
      guard grow(state, toHold: size) else {
        state.pointee.isExhausted = true
        return nil
      }
    }
    state.pointee.used = used + (size + alignment - 1) & ~(alignment - 1)
    return state.pointee.base + used
  }

  private static func grow(_ state: UnsafeMutablePointer<State>, toHold size: Int) -> Bool {
    guard size >= 0, size <= state.pointee.capacity - state.pointee.used - alignment else {
      return false
    }
    let missing = state.pointee.used + size + alignment - state.pointee.granted
    let room = state.pointee.capacity - state.pointee.granted
    let wanted = min(room, (missing + grant - 1) / grant * grant)
    guard state.pointee.budget.reserve(wanted) else {
      state.pointee.isRefused = true
      return false
    }
    state.pointee.granted += wanted
    return true
  }
}
