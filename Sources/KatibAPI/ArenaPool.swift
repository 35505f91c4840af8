// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The working memory of decoding and encoding, shared by all workers.
///
/// A call borrows an arena and gives it back when it returns, so that a worker that is busy with
/// an algorithm holds none. Idle arenas keep ``WireLimits/arenaFloor`` bytes each.
public final class ArenaPool: Sendable {
  /// An idle arena.
  private struct Idle: @unchecked Sendable {
    // Sendable: an arena is reachable either from this list or from the one call that took it off
    // the list, never from both, and the list is guarded by the mutex.
    let arena: Arena
  }

  /// How many idle arenas are kept: as many as a small machine has workers.
  private static let mostIdle = 8

  private let capacity: Int
  private let budget: ArenaBudget
  private let idle = Mutex<[Idle]>([])

  /// - Parameters:
  ///   - capacity: the most bytes that one trial or experiment may unpack into.
  ///   - budget: asked for whatever an arena needs above its floor.
  public init(capacity: Int = WireLimits.largestArena, budget: ArenaBudget = .unlimited) {
    self.capacity = max(capacity, WireLimits.arenaFloor)
    self.budget = budget
  }

  /// Runs `body` with an empty arena, which must not leave it.
  func withArena<Result>(
    _ body: (Arena) throws(WireError) -> Result
  ) throws(WireError) -> Result {
    let arena: Arena
    if let kept = idle.withLock({ $0.popLast() }) {
      arena = kept.arena
    } else {
      arena = try Arena(capacity: capacity, budget: budget)
    }
    defer {
      arena.trim()
      let returned = Idle(arena: arena)
      idle.withLock { if $0.count < ArenaPool.mostIdle { $0.append(returned) } }
    }
    return try body(arena)
  }
}
