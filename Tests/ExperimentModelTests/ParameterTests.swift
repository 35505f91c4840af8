// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import ExperimentModel

@Suite struct ParameterTests {
  func texts(_ spec: ParameterSpec) throws -> [String] {
    let parameter = try Parameter(spec)
    return (0..<(parameter.cardinality ?? 0)).map { parameter.text(Double($0)) }
  }

  @Test func discreteValuesGoOutVerbatimInNumericOrder() throws {
    #expect(
      try texts(.discrete("p", ["10", "9", "1e1", "0.50", " 2", "+3"])) == [
        "0.50", " 2", "+3", "9", "10",
      ])
  }

  @Test func aDiscreteListWithWordsIsCategorical() throws {
    let parameter = try Parameter(.discrete("p", ["10", "nine", "9", "10"]))
    #expect(!parameter.isOrdered)
    #expect((0..<3).map { parameter.text(Double($0)) } == ["10", "nine", "9"])
    #expect(parameter.reading("9") == 2 && parameter.reading("10.0").isNaN)
  }

  @Test func categoriesAreVerbatimAndMergedWhereRepeated() throws {
    let list = ["b", "a", "", "b", " b", "B", "1", "1.0", "é"]
    #expect(try texts(.categorical("p", list)) == ["b", "a", "", " b", "B", "1", "1.0", "é"])
  }

  /// Swift's String takes both spellings of é for one text; to Katib they are two values. They were
  /// merged once, and the second could never be suggested.
  @Test func categoriesDifferWhereTheirBytesDo() throws {
    let list = ["\u{e9}", "e\u{301}", "caf\u{e9}"]
    let parameter = try Parameter(.categorical("p", list))
    #expect(parameter.cardinality == 3)
    for (i, entry) in list.enumerated() {
      #expect(Array(parameter.text(Double(i)).utf8) == Array(entry.utf8))
      #expect(parameter.reading(entry) == Double(i))
    }
    #expect(parameter.reading("e").isNaN)
  }

  @Test func everyEntryOfALongListIsFound() throws {
    let list = (0..<300).map { "value \(($0 * 7_919) % 300)" }
    let parameter = try Parameter(.categorical("p", list))
    #expect(list.indices.allSatisfy { parameter.reading(list[$0]) == Double($0) })
    #expect(parameter.reading("value 300").isNaN && parameter.reading("").isNaN)
  }

  /// Fractional steps of an INT: values are round(min + k · step), distinct, and counted so.
  @Test(arguments: [
    ("0", "4", "0.8", "0 1 2 3 4"), ("0", "3", "0.01", "0 1 2 3"),
    ("0", "9", "1.5", "0 2 3 5 6 8 9"),
    ("-3", "3", "1.5", "-3 -2 0 2 3"), ("1", "3", "", "1 2 3"),
    ("0", "10", "0.8", "0 1 2 3 4 5 6 7 8 9 10"),
    ("0", "1", "0.7", "0 1"), ("0", "1", "0.3", "0 1"), ("0", "1", "0.45", "0 1"),
    ("3.0", "5e0", "1.0", "3 4 5"),
    ("0", "7", "3", "0 3 6"), ("5", "5", "0.1", "5"),
  ])
  func integerSteps(_ minimum: String, _ maximum: String, _ step: String, _ values: String) throws {
    #expect(
      try texts(.int("p", minimum, maximum, step: step))
        == values.split(separator: " ").map(String.init))
  }

  @Test func integersReachTwoToThe53() throws {
    let parameter = try Parameter(.int("p", "-4503599627370496", "4503599627370495"))
    #expect(parameter.cardinality == 1 << 53)
    #expect(parameter.text(0) == "-4503599627370496")
    #expect(parameter.text(0x1p53 - 1) == "4503599627370495")
    let top = try Parameter(.int("p", "9007199254740991", "9007199254740992"))
    #expect(top.text(1) == "9007199254740992")
  }

  @Test func readingsAndCoordinatesAgree() throws {
    for specs in [ExampleSpaces.mixed(finite: true), ExampleSpaces.sixty, ExampleSpaces.constant] {
      for spec in specs {
        let parameter = try Parameter(spec)
        let count = try #require(parameter.cardinality)
        for k in Set([0, count / 3, count / 2, count - 1]).map(Double.init) {
          let reading = parameter.reading(parameter.text(k))
          #expect(reading == parameter.reading(ofCoordinate: k), "\(spec.name) \(k)")
          #expect(parameter.coordinate(ofReading: reading) == k, "\(spec.name) \(k)")
          #expect(parameter.contains(reading: reading), "\(spec.name) \(k)")
          #expect(parameter.text(ofReading: reading) == parameter.text(k), "\(spec.name) \(k)")
        }
      }
    }
  }

  /// Values from elsewhere: the nearest own one, never a trap.
  @Test(arguments: [
    ("-1e300", 0.0), ("0.34", 3), ("0.36", 4), ("1e300", 10), ("0.30000000000000004", 3),
  ])
  func foreignReadingsFindTheirCell(_ text: String, _ coordinate: Double) throws {
    let parameter = try Parameter(.double("p", "0", "1", step: "0.1"))
    #expect(parameter.coordinate(ofReading: parameter.reading(text)) == coordinate)
    #expect(!parameter.contains(reading: parameter.reading(text)))
  }

  @Test func unreadableReadingsStayNaN() throws {
    for spec in ExampleSpaces.mixed(finite: false) {
      let parameter = try Parameter(spec)
      for text in ["", "nan", "inf", "x"] {
        let reading = parameter.reading(text)
        #expect(reading.isNaN && parameter.coordinate(ofReading: reading).isNaN, "\(spec.name)")
        #expect(parameter.unit(ofReading: reading).isNaN && !parameter.contains(reading: reading))
      }
    }
  }

  @Test(arguments: [
    ("1", 0.0), ("1.4", 0), ("1.6", 1), ("2", 1), ("5.9", 1), ("6.1", 2), ("99", 2), ("-5", 0),
  ])
  func foreignListEntriesFindTheNearest(_ text: String, _ coordinate: Double) throws {
    let parameter = try Parameter(.discrete("p", ["10", "1", "2"]))
    #expect(parameter.coordinate(ofReading: parameter.reading(text)) == coordinate)
  }

  @Test func aSingleValueIsAConstant() throws {
    for spec in ExampleSpaces.constant {
      let parameter = try Parameter(spec)
      #expect(parameter.isConstant && parameter.cardinality == 1, "\(spec.name)")
      for u in [0, 0.3, 0.999] {
        #expect(parameter.text(parameter.coordinate(unit: u)) == parameter.text(0), "\(spec.name)")
      }
    }
    let continuous = try Parameter(.double("p", "2.5", "2.5", .logUniform))
    #expect(continuous.isConstant && continuous.text(0.7) == "2.5")
    #expect(continuous.coordinate(ofReading: 2.5) == 0)
  }

  /// A space's keys: equal where the values are.
  @Test func keysIgnoreSpellingAndBinaryNoise() throws {
    let space = try SearchSpace([
      .double("g", "-0.3", "0.3", step: "0.1"), .double("c", "0", "1"), .discrete("l", ["1", "2"]),
    ])
    let key = space.key(coordinates: [3, 0.5, 1])
    #expect(space.key(readings: [0, 0.5, 2]) == key)
    #expect(space.key(readings: [-0.0, 0.5, 2]) == key)
    #expect(space.key(readings: [1e-17, 0.5, 2]) == key)
    #expect(space.key(readings: [0.01, 0.5, 2]) != key)
    #expect(space.key(readings: [0, 0.5.nextUp, 2]) != key)
    #expect(space.key(readings: [0, 0.5, .nan]) != key)
  }

  /// Half a step beyond a grid at the ends of the doubles there is nothing: the logarithm of zero, or an
  /// infinite sum, came out of `unit` as NaN, which stopped the server.
  @Test(arguments: [
    ("5e-324", "10", "0.1"), ("1e-323", "1e300", "1e299"), ("1e300", "1.7e308", "1.7e308"),
    ("1", "1.7e308", "1.6e308"), ("-1.7e308", "-1e307", "1e307"),
  ])
  func gridsAtTheEndsOfTheDoubles(minimum: String, maximum: String, step: String) throws {
    for distribution in [Distribution.uniform, .logUniform, .normal, .logNormal] {
      if distribution.isLogarithmic, minimum.hasPrefix("-") { continue }
      let parameter = try Parameter(
        .double("x", minimum, maximum, step: step, distribution))
      for unit in [0, 0.25, 0.5, 0.75, 1.0] {
        let reading = parameter.reading(ofCoordinate: parameter.coordinate(unit: unit))
        #expect(reading.isFinite, "\(distribution) at \(unit)")
        guard case .grid(let grid) = parameter.axis else { continue }
        for index in 0..<min(grid.count, 20) {
          let cell = grid.cell(index)
          #expect(cell.lower <= cell.upper && cell.lower >= 0 && cell.upper <= 1)
          #expect(grid.center(index).isFinite)
        }
      }
    }
  }

  @Test func cardinalities() throws {
    #expect(try SearchSpace([]).cardinality == 1)
    #expect(try SearchSpace(ExampleSpaces.sixty).cardinality == 60)
    #expect(try SearchSpace(ExampleSpaces.mixed(finite: false)).cardinality == nil)
    #expect(try SearchSpace(ExampleSpaces.wide(finite: true)).cardinality == nil)
  }
}
