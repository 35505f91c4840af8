// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What the next suggestion is to be: a new configuration, or a known one on its next rung.
enum RungSlot: Equatable, Sendable {
  /// A new configuration that begins on a level.
  case base(number: Int, level: Int)
  /// The configuration at a place of `RungLedger.configurations` goes up to a level.
  case promotion(configuration: Int, level: Int)

  var level: Int {
    switch self {
    case .base(_, let level), .promotion(_, let level): level
    }
  }
}

extension RungLedger {
  /// Of some configurations those with an objective on a level, best first.
  func ranked(_ candidates: some Sequence<Int>, level: Int) -> [Int] {
    candidates.compactMap { i -> (objective: Double, configuration: Int)? in
      guard configurations[i].source != nil,
        case .finished(let objective) = configurations[i].outcome(at: level)
      else { return nil }
      return (objective, i)
    }.sorted { $0 < $1 }.map(\.configuration)
  }
}
