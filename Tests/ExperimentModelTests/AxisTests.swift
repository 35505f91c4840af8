// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import TestSupport
import Testing

@testable import ExperimentModel

/// Parameters as axes of the unit cube: priors, cells and draws.
@Suite struct AxisTests {
  static let distributions: [Distribution] = [
    .unspecified, .uniform, .logUniform, .normal, .logNormal,
  ]

  /// Continuous ranges, narrow and wide.
  static func ranges(_ distribution: Distribution) -> [(String, String)] {
    let positive = [("1e-6", "1e-2"), ("0.5", "0.75"), ("1", "1e12"), ("1e-300", "1e300")]
    let any = [("-1", "1"), ("-1e300", "5e299"), ("0", "1e-300"), ("-7.5", "-7.25")]
    return distribution.isLogarithmic ? positive : positive + any
  }

  /// Grids with few values and with many.
  static func grids(_ distribution: Distribution) -> [ParameterSpec] {
    let positive: [ParameterSpec] = [
      .double("g", "0.1", "1", step: "0.1", distribution), .int("g", "1", "1000", distribution),
      .int("g", "16", "1024", step: "16", distribution), .int("g", "1", "2", distribution),
      .double("g", "1e-6", "1e-2", step: "1e-6", distribution),
      .double("g", "1", "3", step: "2", distribution),
      .int("g", "5", "50", step: "1.5", distribution),
    ]
    let any: [ParameterSpec] = [
      .double("g", "-1", "1", step: "0.05", distribution), .int("g", "-3", "3", distribution),
      .double("g", "0", "1", step: "0.6", distribution),
    ]
    return distribution.isLogarithmic ? positive : positive + any
  }

  @Test(arguments: distributions) func unitAndValueAreInverse(_ distribution: Distribution) throws {
    for (minimum, maximum) in AxisTests.ranges(distribution) {
      let parameter = try Parameter(.double("p", minimum, maximum, distribution))
      let label = "\(distribution) [\(minimum), \(maximum)]"
      var last = -Double.infinity
      for i in 0...1_000 {
        let u = Double(i) / 1_000
        let value = parameter.number(u)
        #expect(parameter.contains(reading: value), "\(label) \(u)")
        #expect(value >= last, "\(label) \(u): not monotone")
        last = value
        // What rounding of the value costs, as seen in u.
        let back = parameter.unit(ofReading: value)
        let neighbour =
          parameter.unit(ofReading: value.nextUp) - parameter.unit(ofReading: value.nextDown)
        #expect(abs(back - u) <= 1e-9 + neighbour, "\(label): \(u) came back as \(back)")
      }
      let low = try #require(NumberText.parse(minimum))
      let high = try #require(NumberText.parse(maximum))
      #expect(parameter.unit(ofReading: low) == 0, "\(label)")
      #expect(parameter.unit(ofReading: high) == 1, "\(label)")
      // On a logarithmic scale the exponential enlarges the rounding of the logarithm.
      let (largest, lost) = (max(abs(low), abs(high)), distribution.isLogarithmic ? 1e-12 : 1e-15)
      #expect(abs(parameter.number(0) - low) <= lost * (distribution.isLogarithmic ? low : largest))
      #expect(abs(parameter.number(1) - high) <= lost * largest, "\(label)")
    }
  }

  @Test(arguments: distributions) func cellsPartitionTheUnitInterval(
    _ distribution: Distribution
  ) throws {
    for spec in AxisTests.grids(distribution) {
      let parameter = try Parameter(spec)
      guard case .grid(let axis) = parameter.axis else {
        Issue.record("\(spec) has no grid")
        continue
      }
      let label = "\(distribution) \(spec.feasibleSpace?.minimum ?? "")"
      #expect(axis.count == parameter.cardinality)
      #expect(axis.cell(0).lower == 0 && axis.cell(axis.count - 1).upper == 1, "\(label)")
      for k in 0..<axis.count {
        let cell = axis.cell(k)
        let center = axis.center(k)
        #expect(cell.lower < cell.upper, "\(label): cell \(k) is empty")
        #expect(cell.lower <= center && center <= cell.upper, "\(label): centre \(k)")
        #expect(axis.index(at: center) == k, "\(label): centre \(k)")
        if k > 0 { #expect(axis.cell(k - 1).upper == cell.lower, "\(label): cell \(k)") }
        let width = cell.upper - cell.lower
        #expect(axis.index(at: cell.lower + width * 0.001) == k, "\(label): cell \(k)")
        #expect(axis.index(at: cell.upper - width * 0.001) == k, "\(label): cell \(k)")
        #expect(parameter.unit(ofReading: parameter.number(Double(k))) == center, "\(label)")
      }
      for (u, k) in [(-1.0, 0), (0, 0), (1, axis.count - 1), (2, axis.count - 1)] {
        #expect(axis.index(at: u) == k, "\(label): \(u)")
      }
    }
  }

  /// Pearson's chi-square of `counts` against `shares`, in standard deviations above its mean.
  func excess(_ counts: [Int], _ shares: [Double]) -> Double {
    let total = Double(counts.reduce(0, +))
    let chiSquare = zip(counts, shares).map { count, share in
      let expected = share * total
      return (Double(count) - expected) * (Double(count) - expected) / expected
    }.reduce(0, +)
    let freedom = Double(counts.count - 1)
    return (chiSquare - freedom) / (2 * freedom).squareRoot()
  }

  /// The declared density, integrated over ten equal parts of the range by the midpoint rule.
  func shares(_ distribution: Distribution, _ minimum: Double, _ maximum: Double) -> [Double] {
    let steps = 1_000
    let scale: (Double) -> Double = distribution.isLogarithmic ? { log($0) } : { $0 }
    let (low, high) = (scale(minimum), scale(maximum))
    let (mean, deviation) = ((low + high) / 2, (high - low) / 6)
    let masses = (0..<10).map { part in
      (0..<steps).map { i in
        let x =
          minimum + (maximum - minimum) * (Double(part * steps + i) + 0.5) / Double(10 * steps)
        let z = (scale(x) - mean) / deviation
        let density = distribution.isNormal ? exp(-z * z / 2) : 1
        return distribution.isLogarithmic ? density / x : density
      }.reduce(0, +)
    }
    let total = masses.reduce(0, +)
    return masses.map { $0 / total }
  }

  @Test(arguments: distributions) func drawsFollowTheDeclaredPrior(
    _ distribution: Distribution
  ) throws {
    let parameter = try Parameter(.double("p", "0.5", "4", distribution))
    var random = RandomSource(seed: 11, purpose: "prior draws")
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<50_000 {
      let value = parameter.number(parameter.coordinate(unit: random.uniform()))
      counts[min(Int((value - 0.5) / 0.35), 9)] += 1
    }
    let excess = excess(counts, shares(distribution, 0.5, 4))
    #expect(excess < 5, "\(distribution), seed 11: \(counts)")
  }

  /// On a grid a value is drawn as often as its cell is wide; so list entries are equally likely,
  /// the ends of an integer range too.
  @Test(arguments: distributions) func gridDrawsFollowTheCells(_ distribution: Distribution) throws
  {
    for spec: ParameterSpec in [
      .int("p", "1", "8", distribution), .double("p", "0.5", "2", step: "0.25", distribution),
      .discrete("p", ["3", "1", "20"]), .categorical("p", ["a", "b", "c", "d"]),
    ] {
      let parameter = try Parameter(spec)
      let count = try #require(parameter.cardinality)
      var random = RandomSource(seed: 12, purpose: "grid draws")
      var counts = [Int](repeating: 0, count: count)
      for _ in 0..<20_000 { counts[Int(parameter.coordinate(unit: random.uniform()))] += 1 }
      var shares = [Double](repeating: 1 / Double(count), count: count)
      if case .grid(let axis) = parameter.axis {
        shares = (0..<count).map { axis.cell($0).upper - axis.cell($0).lower }
        if !distribution.isLogarithmic, !distribution.isNormal {
          #expect(shares.allSatisfy { abs($0 - 1 / Double(count)) < 1e-12 })
        }
      }
      #expect(excess(counts, shares) < 5, "\(distribution) \(spec.kindNumber), seed 12: \(counts)")
    }
  }

  /// The first and the last value own whole cells: on a logarithmic grid their widths are those of
  /// the prior half a step beyond.
  @Test func logarithmicCellsAreHalfAStepWider() throws {
    let parameter = try Parameter(.int("p", "2", "4", .logUniform))
    guard case .grid(let axis) = parameter.axis else {
      Issue.record("no grid")
      return
    }
    let whole = log(4.5 / 1.5)
    for (k, width) in [(0, log(2.5 / 1.5)), (1, log(3.5 / 2.5)), (2, log(4.5 / 3.5))] {
      let cell = axis.cell(k)
      #expect(abs(cell.upper - cell.lower - width / whole) < 1e-12)
    }
  }

  /// A normal prior is cut at the bounds: no draw outside, and the middle four times as likely.
  @Test func normalDrawsStayInside() throws {
    let parameter = try Parameter(.double("p", "-3", "3", .normal))
    #expect(abs(parameter.number(0) + 3) < 1e-12 && abs(parameter.number(1) - 3) < 1e-12)
    #expect(abs(parameter.number(0.5)) < 1e-12)
    // Φ(1) = 0.841344746, cut at three deviations.
    let u = (0.841344746068543 - 0.001349898031630) / (1 - 2 * 0.001349898031630)
    #expect(abs(parameter.number(u) - 1) < 1e-12)
  }
}
