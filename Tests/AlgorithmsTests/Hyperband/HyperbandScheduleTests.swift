// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Algorithms

@Suite struct HyperbandScheduleTests {
  /// The populations of every rung, computed apart from this program in exact fractions.
  static let theory: [(largest: Double, eta: Double, brackets: [[Int]])] = [
    (9, 2, [[8, 4, 2, 1], [6, 3, 1], [4, 2], [4]]),
    (9, 3, [[9, 3, 1], [5, 1], [3]]),
    (9, 4, [[4, 1], [2]]),
    (27, 2, [[16, 8, 4, 2, 1], [10, 5, 2, 1], [7, 3, 1], [5, 2], [5]]),
    (27, 3, [[27, 9, 3, 1], [12, 4, 1], [6, 2], [4]]),
    (27, 4, [[16, 4, 1], [6, 1], [3]]),
    (
      81, 2,
      [
        [64, 32, 16, 8, 4, 2, 1], [38, 19, 9, 4, 2, 1], [23, 11, 5, 2, 1], [14, 7, 3, 1],
        [10, 5, 2], [7, 3], [7],
      ]
    ),
    (81, 3, [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]),
    (81, 4, [[64, 16, 4, 1], [22, 5, 1], [8, 2], [4]]),
  ]

  @Test(arguments: theory)
  func populationsAreThoseOfTheTheory(_ largest: Double, _ eta: Double, _ brackets: [[Int]]) {
    for isWhole in [false, true] {
      let schedule = HyperbandSchedule(largest: largest, eta: eta, isWhole: isWhole)
      #expect(schedule.brackets.map { $0.map(\.population) } == brackets)
      #expect(schedule.brackets.map(\.count) == Array((1...brackets.count).reversed()))
      #expect(schedule.resources.last == largest)
    }
  }

  /// Logarithms in doubles lose the last bracket of these.
  @Test(arguments: [
    (243.0, 3.0, 5), (1000, 10, 3), (125, 5, 3), (1_000_000, 10, 6), (242, 3, 4), (244, 3, 5),
    (1, 3, 0), (0.5, 3, 0), (2.99, 3, 0), (3, 3, 1), (0x1p31, 2, 31), (0x1p40, 2, 31),
    (1e300, 3, 31), (1e300, 1e12, 25), (1e-300, 2, 0), (1.7e308, 1.7e308, 1),
  ])
  func bracketsAreCountedWithoutLogarithms(_ largest: Double, _ eta: Double, _ top: Int) {
    let schedule = HyperbandSchedule(largest: largest, eta: eta, isWhole: false)
    #expect(schedule.brackets.count == top + 1)
    #expect(schedule.topLevel == top)
    #expect(schedule.brackets.allSatisfy { $0.allSatisfy { $0.population > 0 } })
  }

  /// Powers of a fractional eta miss their decimal values by a bit.
  @Test(arguments: [
    (1.1, 1.61051, 5), (2.5, 15.625, 3), (1.5, 7.59375, 5), (1.3, 2.8561, 4), (1.2, 1.728, 3),
    (1.7, 24.137569, 6), (1.1, 1.61, 4),
  ])
  func aFractionalEtaHasATolerance(_ eta: Double, _ largest: Double, _ top: Int) {
    let schedule = HyperbandSchedule(largest: largest, eta: eta, isWhole: false)
    #expect(schedule.topLevel == top)
    // The widest bracket begins with ceil(eta^s_max) and ends with one configuration.
    #expect(schedule.brackets[0].last?.population == 1)
    for rungs in schedule.brackets {
      #expect(zip(rungs, rungs.dropFirst()).allSatisfy { $0.population >= $1.population })
    }
  }

  @Test func survivorsAreCountedExactly() {
    let third = HyperbandSchedule(largest: 81, eta: 3, isWhole: false)
    #expect([0, 2, 3, 8, 9, 80, 81].map(third.survivors) == [0, 0, 1, 2, 3, 26, 27])
    let fraction = HyperbandSchedule(largest: 81, eta: 1.1, isWhole: false)
    #expect([1, 10, 11, 22, 33].map(fraction.survivors) == [0, 9, 10, 20, 30])
    let half = HyperbandSchedule(largest: 81, eta: 2.5, isWhole: false)
    #expect([2, 4, 5, 10].map(half.survivors) == [0, 1, 2, 4])
  }

  @Test func resourcesGoOutAsTheirParameterWantsThem() {
    func texts(_ largest: Double, _ eta: Double, isWhole: Bool) -> [String] {
      let schedule = HyperbandSchedule(largest: largest, eta: eta, isWhole: isWhole)
      return schedule.resources.indices.map(schedule.text)
    }
    #expect(texts(81, 3, isWhole: false) == ["1", "3", "9", "27", "81"])
    #expect(texts(10, 3, isWhole: false) == ["1.1111111111111112", "3.3333333333333335", "10"])
    #expect(texts(10, 3, isWhole: true) == ["1", "3", "10"])
    #expect(texts(0.5, 3, isWhole: false) == ["0.5"])
    #expect(texts(0.5, 3, isWhole: true) == ["1"])
    #expect(texts(1e20, 1e20, isWhole: true) == ["1", "1e+20"])
  }

  /// 4 / 1.5^i rounds to 4, 3, 2, 1; 2 / 1.3^i to 2, 2, 1: the two twos are one rung, with the
  /// population of the first.
  @Test func rungsOfOneResourceAreOne() {
    let distinct = HyperbandSchedule(largest: 4, eta: 1.5, isWhole: true)
    #expect(distinct.resources == [1, 2, 3, 4])
    let schedule = HyperbandSchedule(largest: 2, eta: 1.3, isWhole: true)
    #expect(schedule.resources == [1, 2])
    #expect(schedule.brackets.map { $0.map(\.level) } == [[0, 1], [1], [1]])
    #expect(schedule.brackets.map { $0.map(\.population) } == [[2, 1], [2], [3]])
  }

  @Test func numbersAndPlacesAreInverse() {
    let schedule = HyperbandSchedule(largest: 27, eta: 3, isWhole: false)
    // 27 + 12 + 6 + 4 configurations in a round.
    var number = 0
    for bracket in 0..<9 {
      for slot in 0..<[27, 12, 6, 4][bracket % 4] {
        #expect(schedule.number(bracket: bracket, slot: slot) == number)
        #expect(schedule.place(ofConfiguration: number) == (bracket, slot))
        number += 1
      }
    }
    #expect(schedule.rungs(ofBracket: 5).map(\.population) == [12, 4, 1])
  }

  @Test func theNearestLevelIsNearestInRatio() {
    let schedule = HyperbandSchedule(largest: 81, eta: 3, isWhole: true)
    for (resource, level) in [
      (1.0, 0), (1.7, 0), (1.8, 1), (3, 1), (5.1, 1), (5.3, 2), (46, 3), (47, 4), (81, 4),
      (1e9, 4), (0, 0), (-5, 0), (.infinity, 4), (-.infinity, 0),
    ] {
      #expect(schedule.level(nearest: resource) == level, "\(resource)")
    }
  }
}
