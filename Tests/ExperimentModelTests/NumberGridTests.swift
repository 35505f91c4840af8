// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

@testable import ExperimentModel

@Suite struct NumberGridTests {
  /// nil where the grid is refused.
  func grid(
    _ minimum: String, _ maximum: String, _ step: String, isInteger: Bool = false
  ) throws -> NumberGrid? {
    let bounds = try [minimum, maximum, step].map { try #require(DecimalText($0)) }
    return NumberGrid(
      minimum: bounds[0], maximum: bounds[1], step: bounds[2], isInteger: isInteger)
  }

  func makeGrid(
    _ minimum: String, _ maximum: String, _ step: String, isInteger: Bool = false
  ) throws -> NumberGrid {
    try #require(try grid(minimum, maximum, step, isInteger: isInteger))
  }

  func texts(_ grid: NumberGrid) -> [String] { (0..<grid.count).map { grid.text(at: $0) } }

  /// Bounds, step, and every text that goes out.
  @Test(arguments: [
    ("0", "1", "0.1", "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0"),
    ("0.1", "0.7", "0.2", "0.1 0.3 0.5 0.7"),
    ("-0.3", "0.3", "0.1", "-0.3 -0.2 -0.1 0.0 0.1 0.2 0.3"),
    ("0", "1", "0.3", "0.0 0.3 0.6 0.9"),
    ("0", "1", "2", "0.0"),
    ("5", "5", "1", "5.0"),
    ("1e-3", "3e-3", "1e-3", "0.001 0.002 0.003"),
    ("1e-300", "3e-300", "1e-300", "1e-300 2e-300 3e-300"),
    ("1e300", "3e300", "1e300", "1e+300 2e+300 3e+300"),
    ("-1e20", "1e20", "1e20", "-1e+20 0.0 1e+20"),
    ("0", "0.3333333333", "0.1111111111", "0.0 0.1111111111 0.2222222222 0.3333333333"),
    // A bound that misses the grid by rounding of its own.
    ("0", "0.3", "0.09999999999999999", "0.0 0.09999999999999999 0.19999999999999998 0.3"),
    ("0", "0.29999999999999999", "0.1", "0.0 0.1 0.2 0.3"),
  ])
  func doubles(_ minimum: String, _ maximum: String, _ step: String, _ expected: String) throws {
    #expect(
      try texts(makeGrid(minimum, maximum, step)) == expected.split(separator: " ").map(String.init)
    )
  }

  @Test(arguments: [
    ("1", "5", "1", "1 2 3 4 5"), ("-2", "2", "2", "-2 0 2"), ("0", "10", "4", "0 4 8"),
    ("0", "6", "1.5", "0 2 3 5 6"), ("7", "7", "1", "7"),
    (
      "9007199254740990", "9007199254740992", "1",
      "9007199254740990 9007199254740991 9007199254740992"
    ),
    ("-9007199254740992", "-9007199254740990", "2", "-9007199254740992 -9007199254740990"),
  ])
  func integers(_ minimum: String, _ maximum: String, _ step: String, _ expected: String) throws {
    let grid = try makeGrid(minimum, maximum, step, isInteger: true)
    #expect(texts(grid) == expected.split(separator: " ").map(String.init))
  }

  /// Every value is the double nearest to the decimal min + k · step, and finds its index again.
  @Test func decimalGridsHaveNoBinaryNoise() throws {
    var random = RandomSource(seed: 3, purpose: "grids")
    for i in 0..<2_000 {
      let scale = random.uniform(below: 12)
      let minimum = random.uniform(below: 200_001) - 100_000
      let step = 1 + random.uniform(below: 999)
      let count = 1 + random.uniform(below: 50)
      let label = "seed 3, grid \(i): \(minimum)e-\(scale) by \(step)"
      let grid = try makeGrid(
        "\(minimum)e-\(scale)", "\(minimum + (count - 1) * step)e-\(scale)", "\(step)e-\(scale)")
      #expect(grid.count == count, "\(label)")
      for k in 0..<count {
        let exact = strtod("\(minimum + k * step)e-\(scale)", nil)
        #expect(grid.value(at: k) == exact, "\(label), index \(k)")
        #expect(NumberText.parse(grid.text(at: k)) == exact, "\(label), index \(k)")
        #expect(grid.index(nearest: exact) == k, "\(label), index \(k)")
      }
    }
  }

  /// Texts with more digits than 128 bits can align: doubles, rounded.
  @Test(arguments: [
    // Beyond max by far less than a billionth of a step, and so meant to reach it.
    ("0", "1", "0.1000000000000000000000000000000000000000001", 11),
    ("0.12345678901234567890123", "1.12345678901234567890123", "0.1", 11),
    ("1e-300", "1", "0.25", 5),
    ("0", "1e20", "3e19", 4),
  ])
  func longDigitsFallBackToDoubles(
    _ minimum: String, _ maximum: String, _ step: String, _ count: Int
  ) throws {
    let grid = try makeGrid(minimum, maximum, step)
    #expect(grid.count == count)
    for k in 0..<count {
      let value = grid.value(at: k)
      #expect(abs(value - (grid.minimum + Double(k) * grid.step)) <= 1e-10 * grid.step)
      #expect(value >= grid.minimum && value <= grid.maximum)
      #expect(grid.index(nearest: value) == k)
    }
  }

  @Test func theMostValuesAreTwoToThe53() throws {
    let largest = try makeGrid("0", "9007199254740991", "1")
    #expect(largest.count == 1 << 53)
    #expect(largest.text(at: (1 << 53) - 1) == "9007199254740991.0")
    for index in [0, 1, 12_345_678_901_234, (1 << 53) - 2, (1 << 53) - 1] {
      #expect(largest.index(nearest: largest.value(at: index)) == index)
    }
    for (maximum, step) in [
      ("9007199254740992", "1"), ("1", "1e-16"), ("1e300", "1e-300"), ("1e-5", "1e-30"),
    ] {
      #expect(try grid("0", maximum, step) == nil, "\(maximum) by \(step)")
    }
    #expect(try makeGrid("0", "1", "1e-15").count == 1_000_000_000_000_001)
  }

  @Test func theNearestIndexIsFoundFromAnywhere() throws {
    let grid = try makeGrid("-1", "1", "0.25")
    for (number, index) in [
      (-1e300, 0), (-1.1, 0), (-1, 0), (-0.9, 0), (-0.8, 1), (0, 4), (0.3, 5), (0.99, 8), (7, 8),
      (1e300, 8), (.infinity, 8), (-.infinity, 0),
    ] {
      #expect(grid.index(nearest: number) == index, "\(number)")
    }
  }
}
