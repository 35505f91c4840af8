// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// The values of the history's trials without the resource, by which configurations are told that
/// carry no number.
struct ConfigurationRows {
  private let history: History
  private let space: SearchSpace
  private let resource: Int?
  /// nil where a value is missing or unreadable.
  private let hashes: [UInt64?]

  init(_ request: SuggestionRequest, resource: Int?) {
    history = request.history
    space = request.space
    self.resource = resource
    var hashes = [UInt64?](repeating: 0, count: history.count)
    for (i, parameter) in request.space.parameters.enumerated() where i != resource {
      for (trial, reading) in request.history.readings[i].enumerated() {
        guard let hash = hashes[trial] else { continue }
        let value = parameter.nearest(reading: reading)
        // 0.0 and -0.0 are one value.
        let bits = (value == 0 ? 0 : value).bitPattern
        hashes[trial] = value.isNaN ? nil : RandomSource.mix(hash ^ bits)
      }
    }
    self.hashes = hashes
  }

  func hash(_ trial: Int) -> UInt64? { hashes[trial] }

  /// The hash of a configuration that is being issued.
  func hash(readings: [Double]) -> UInt64 {
    var hash: UInt64 = 0
    for i in space.parameters.indices where i != resource {
      let bits = (readings[i] == 0 ? 0 : readings[i]).bitPattern
      hash = RandomSource.mix(hash ^ bits)
    }
    return hash
  }

  /// The oldest trials without a tag of ours, with what tells them.
  func foreignTrials(
    _ tags: [TrialNaming.Tag?], most: Int, _ schedule: HyperbandSchedule, _ resource: Int?
  ) -> [(trial: Int, identity: ConfigurationIdentity, level: Int)] {
    guard let resource, most > 0 else { return [] }
    let amounts = history.readings[resource]
    let chosen = tags.indices.filter {
      tags[$0] == nil && hashes[$0] != nil && !amounts[$0].isNaN
    }.sorted { (history.beginning($0), $0) < (history.beginning($1), $1) }.prefix(most)
    var found: [(trial: Int, identity: ConfigurationIdentity, level: Int)] = []
    var last: [UInt64: (amount: Double, level: Int)] = [:]
    for trial in chosen.sorted(by: { (amounts[$0], $0) < (amounts[$1], $1) }) {
      guard let hash = hashes[trial] else { continue }
      let amount = amounts[trial]
      var level = schedule.level(nearest: amount)
      if let last = last[hash] {
        level = amount == last.amount ? last.level : max(level, last.level + 1)
      }
      level = min(level, schedule.topLevel)
      last[hash] = (amount, level)
      found.append((trial, .values(hash), level))
    }
    return found
  }
}

extension History {
  /// When the trial began, as far as it is known; after everything else while it is not.
  func beginning(_ trial: Int) -> Int64 {
    startTimes[trial] ?? completionTimes[trial] ?? .max
  }
}
