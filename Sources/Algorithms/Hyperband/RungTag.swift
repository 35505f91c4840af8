// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What tells a configuration from others, on every rung alike.
enum ConfigurationIdentity: Hashable, Sendable {
  /// Its number, carried by the names of its trials.
  case number(Int)
  /// A hash of its values, without the resource: for configurations that somebody else began, and
  /// for those whose number a name cannot carry.
  case values(UInt64)
}

/// The detail of a trial's name (`TrialNaming`): configuration 15 bits, level 5 bits.
struct RungTag: Hashable, Sendable {
  /// The largest number of a configuration that a name carries.
  static let largestNumber = (1 << 15) - 2
  private static let byValues: UInt32 = (1 << 15) - 1

  /// nil when the configuration is told by its values.
  var number: Int?
  var level: Int

  init(number: Int?, level: Int) {
    self.number = number
    self.level = level
  }

  init(detail: UInt32) {
    let configuration = detail >> 5
    number = configuration == RungTag.byValues ? nil : Int(configuration)
    level = Int(detail & 31)
  }

  var detail: UInt32 { (number.map { UInt32($0) } ?? RungTag.byValues) << 5 | UInt32(level) }
}
