// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// `asha`: which configuration goes up next, or whether a new one begins.
///
/// Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for
/// massively parallel hyperparameter tuning", MLSys 2020, algorithm 2, the promoting variant. There
/// are no brackets and nothing waits: from the highest rung down, every configuration that is among
/// the best 1/eta of those finished on its rung and was not promoted yet is promoted; if there is none,
/// a new configuration starts on the smallest resource.
///
/// What surprises: a promotion can be wrong, because later results push its configuration out of
/// the best 1/eta. That is the price for never waiting; its share of the budget is small.
struct AsynchronousHalving {
  private let ledger: RungLedger
  private let schedule: HyperbandSchedule

  init(_ ledger: RungLedger, _ schedule: HyperbandSchedule) {
    self.ledger = ledger
    self.schedule = schedule
  }

  /// - Parameters:
  ///   - count: how many slots are wanted.
  ///   - bases: how many of them, the first, must be new configurations.
  func slots(count: Int, bases: Int) -> [RungSlot] {
    let next = 1 + (ledger.configurations.compactMap(\.number).max() ?? -1)
    func newcomers(_ range: Range<Int>) -> [RungSlot] {
      range.map { .base(number: next + $0, level: 0) }
    }
    let going = promotions.prefix(count - bases)
    return newcomers(0..<bases) + going + newcomers(bases..<count - going.count)
  }

  /// Everyone who may go on, from the highest rung down, best first.
  private var promotions: [RungSlot] {
    (0..<schedule.topLevel).reversed().flatMap { level -> [RungSlot] in
      let ranked = ledger.ranked(ledger.configurations.indices, level: level)
      return ranked.prefix(schedule.survivors(of: ranked.count)).filter {
        ledger.configurations[$0].lastLevel == level
      }.map { .promotion(configuration: $0, level: level + 1) }
    }
  }
}
