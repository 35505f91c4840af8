// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// How many configurations run on how much resource: the arithmetic of Hyperband.
///
/// Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based approach to
/// hyperparameter optimization", JMLR 18, 2018, algorithm 1. With R the largest resource of one
/// configuration and eta the share that is dropped, s_max = floor(log_eta R), and bracket
/// s = s_max, ..., 0 begins with n = ceil((s_max + 1) eta^s / (s + 1)) configurations on
/// R eta^-s each; its rung i holds floor(n eta^-i) of them on R eta^(i-s).
///
/// What surprises: none of this may go through logarithms. ln 243 / ln 3 is 4.999... in doubles and
/// loses a bracket. A whole eta is counted in integers; a fractional one (1.1^5 is 1.61051, but not
/// in doubles) with a tolerance of 10^-9.
///
/// A *level* numbers the different resources from the smallest (0) up. Where the resource goes out
/// as a whole number, neighbouring rungs can round to the same one; they are one level, and no
/// configuration runs there twice.
struct HyperbandSchedule: Sendable, Equatable {
  /// One rung of a bracket.
  struct Rung: Sendable, Equatable {
    let level: Int
    /// How many configurations the theory evaluates here.
    let population: Int
  }

  /// Rungs beyond these fit neither a trial name (`RungTag`) nor any experiment: 2^31 times the
  /// smallest resource. A larger R begins at R eta^-31.
  static let mostRungs = 32
  /// More than any experiment holds, and far from where sums would overflow.
  private static let mostConfigurations = 1 << 40
  private static let tolerance = 1e-9

  let eta: Double
  private let wholeEta: Int?
  /// The resource of each level, ascending; the last is R, at most rounded.
  let resources: [Double]
  /// The brackets of one round, the one with the smallest resource first: s = s_max down to 0.
  let brackets: [[Rung]]
  /// The number of configurations that begin in the brackets of a round before each, and in all.
  private let firstNumbers: [Int]

  /// - Parameters:
  ///   - largest: R, greater than 0; below 1 there is only one rung.
  ///   - eta: greater than 1.
  ///   - isWhole: whether resources go out as whole numbers, at least 1.
  init(largest: Double, eta: Double, isWhole: Bool) {
    let wholeEta = eta == eta.rounded() && eta < 0x1p31 ? Int(eta) : nil
    let slack = wholeEta == nil ? 1 + HyperbandSchedule.tolerance : 1
    // Powers of a whole eta are exact as long as they matter: up to 2^53.
    var powers = [1.0]
    while powers.count < HyperbandSchedule.mostRungs,
      powers[powers.count - 1] * eta <= largest * slack
    {
      powers.append(powers[powers.count - 1] * eta)
    }
    let top = powers.count - 1
    var levels: [Int] = []
    var resources: [Double] = []
    for power in powers.reversed() {
      let exact = largest / power
      let resource = isWhole ? max(1, exact.rounded()) : exact
      if resources.last != resource { resources.append(resource) }
      levels.append(resources.count - 1)
    }
    self.eta = eta
    self.wholeEta = wholeEta
    self.resources = resources
    brackets = (0...top).map { start in
      var rungs: [Rung] = []
      let count = HyperbandSchedule.configurations(
        bracket: top - start, top: top, eta: wholeEta, powers)
      for i in 0...(top - start) where rungs.last?.level != levels[start + i] {
        let population = HyperbandSchedule.quotient(count, eta: wholeEta, power: i, powers)
        if population > 0 { rungs.append(Rung(level: levels[start + i], population: population)) }
      }
      return rungs
    }
    firstNumbers = brackets.reduce(into: [0]) { sums, rungs in
      sums.append(sums[sums.count - 1] + rungs[0].population)
    }
  }

  /// ceil((s_max + 1) eta^s / (s + 1)).
  private static func configurations(
    bracket s: Int, top: Int, eta: Int?, _ powers: [Double]
  ) -> Int {
    if eta != nil, powers[s] < 0x1p48 {
      return ((top + 1) * Int(powers[s]) + s) / (s + 1)
    }
    let exact = Double(top + 1) * powers[s] / Double(s + 1)
    return max(1, Int(min((exact * (1 - tolerance)).rounded(.up), Double(mostConfigurations))))
  }

  /// floor(count / eta^power).
  private static func quotient(_ count: Int, eta: Int?, power: Int, _ powers: [Double]) -> Int {
    if eta != nil, powers[power] < 0x1p53 { return count / Int(powers[power]) }
    return Int((Double(count) / powers[power] * (1 + tolerance)).rounded(.down))
  }

  // MARK: - Levels

  var topLevel: Int { resources.count - 1 }

  /// How many of `count` configurations go on to the next rung: floor(count / eta).
  func survivors(of count: Int) -> Int {
    if let wholeEta { return count / wholeEta }
    return Int((Double(count) / eta * (1 + HyperbandSchedule.tolerance)).rounded(.down))
  }

  /// The level whose resource is nearest in ratio; for trials that another program issued, which
  /// may round in its own way.
  func level(nearest resource: Double) -> Int {
    guard resource > resources[0] else { return 0 }
    var level = 0
    while level < topLevel {
      // The border between two levels is their geometric mean; roots first, so nothing overflows.
      let border = resources[level].squareRoot() * resources[level + 1].squareRoot()
      if resource < border { break }
      level += 1
    }
    return level
  }

  /// What Katib is told: whole numbers without a decimal point, as Katib's image writes them.
  func text(level: Int) -> String {
    let resource = resources[level]
    if resource == resource.rounded(), resource < 0x1p53 { return String(Int(resource)) }
    return NumberText.text(resource)
  }

  // MARK: - Numbers of configurations

  /// Where configuration `number` begins: base configurations are numbered from 0 through all
  /// brackets of all rounds.
  /// - Returns: the number of the bracket, counted through all rounds, and the place in it.
  func place(ofConfiguration number: Int) -> (bracket: Int, slot: Int) {
    let perRound = firstNumbers[brackets.count]
    let (round, rest) = number.quotientAndRemainder(dividingBy: perRound)
    var bracket = 0
    while firstNumbers[bracket + 1] <= rest { bracket += 1 }
    return (round * brackets.count + bracket, rest - firstNumbers[bracket])
  }

  /// The number of the configuration at a place.
  func number(bracket: Int, slot: Int) -> Int {
    let (round, shape) = bracket.quotientAndRemainder(dividingBy: brackets.count)
    return round * firstNumbers[brackets.count] + firstNumbers[shape] + slot
  }

  /// The rungs of a bracket, counted through all rounds.
  func rungs(ofBracket bracket: Int) -> [Rung] { brackets[bracket % brackets.count] }
}
