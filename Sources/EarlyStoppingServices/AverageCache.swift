// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What makes the average of a log what it is: equal keys, equal averages.
///
/// A trial that is deleted and made again has the same name, another log, and other times.
struct AverageKey: Hashable, Sendable {
  /// The DB manager, the metric and the number of reports: shared by all keys of a request.
  let scope: AverageScope
  let trialName: String
  let startTime: Int64?
  let completionTime: Int64?
}

struct AverageScope: Hashable, Sendable {
  let address: String
  let metricName: String
  let startStep: Int
}

/// The averages of logs that have been read, for as long as the process lives.
///
/// The log of a trial that succeeded does not change once it is there, so each is fetched once. That
/// there is none yet is not kept: a collector may report late, or a database may come back empty and
/// be restored. Nothing depends on this memory but time: it is bounded, and a process without it gives
/// the same answers. It also keeps two calls at the same time from fetching the same log twice.
final class AverageCache: Sendable {
  private struct Entry {
    /// nil: the log has lines, but no finite value.
    var average: Double?
    /// The number of the request that asked for it last.
    var lastUse: UInt64
  }

  private struct State {
    var entries: [AverageKey: Entry] = [:]
    var inFlight: Set<AverageKey> = []
    var uses: UInt64 = 0
  }

  /// What there is for a request.
  struct Claim {
    /// Averages that are known; nil for a log without a finite value.
    var known: [AverageKey: Double?] = [:]
    /// Logs that the caller must fetch now, and then ``release(_:)``.
    var mine: [AverageKey] = []
    /// Logs that another call is fetching.
    var others: [AverageKey] = []
  }

  private let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) {
    self.capacity = capacity
  }

  var count: Int { state.withLock { $0.entries.count } }

  func claim(_ keys: [AverageKey]) -> Claim {
    state.withLock { state in
      state.uses += 1
      var claim = Claim()
      for key in keys {
        if let entry = state.entries[key] {
          claim.known[key] = .some(entry.average)
          state.entries[key]?.lastUse = state.uses
        } else if state.inFlight.insert(key).inserted {
          claim.mine.append(key)
        } else {
          claim.others.append(key)
        }
      }
      return claim
    }
  }

  func keep(_ average: Double?, for key: AverageKey) {
    state.withLock { state in
      if state.entries.count >= capacity, state.entries[key] == nil {
        // What the latest request did not ask for belongs to trials that are gone, most likely.
        let uses = state.uses
        state.entries = state.entries.filter { $0.value.lastUse == uses }
        guard state.entries.count < capacity else { return }
      }
      state.entries[key] = Entry(average: average, lastUse: state.uses)
    }
  }

  /// Ends the fetching of logs, successful or not.
  func release(_ keys: [AverageKey]) {
    state.withLock { $0.inFlight.subtract(keys) }
  }
}
