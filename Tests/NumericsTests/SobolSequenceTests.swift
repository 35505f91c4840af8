// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Numerics

@Suite struct SobolSequenceTests {
  static let seeds: [UInt64] = [0, 1, 42, .max]

  /// A coordinate's first 32 digits.
  func digits(_ u: Double) -> UInt32 { UInt32(u * 0x1p32) }

  @Test func plainPointsAreThoseOfSciPy() {
    let sequence = SobolSequence(unscrambledDimension: 1024)
    let dimensions = SobolReference.earlyDimensions
    for (n, expected) in SobolReference.early.enumerated() {
      let (index, column) = n.quotientAndRemainder(dividingBy: dimensions.count)
      let u = sequence.point(at: UInt64(index))[dimensions[column]]
      #expect(u == Double(expected) * 0x1p-32, "point \(index), dimension \(dimensions[column])")
    }
    for far in SobolReference.far {
      let point = sequence.point(at: far.index).map(digits)
      #expect(point.reduce(0, ^) == far.xor)
      #expect(point.reduce(0, &+) == far.sum)
    }
  }

  /// One coordinate: every prefix of 2^m points, and every later block of 2^m, has one point in
  /// each interval of length 2^-m.
  @Test(arguments: seeds) func everyDimensionIsBalanced(seed: UInt64) {
    let sequence = SobolSequence(dimension: 1024, seed: seed)
    for m in [1, 4, 7] {
      let size = 1 << m
      for block in [0, 3] {
        let points = (0..<size).map { sequence.point(at: UInt64(block * size + $0)) }
        for j in 0..<1024 {
          let cells = Set(points.map { Int($0[j] * Double(size)) })
          #expect(cells.count == size, "seed \(seed) m \(m) block \(block) dimension \(j)")
        }
      }
    }
  }

  /// Two and three coordinates. The first dimensions are a digital (t, m, s)-net: with t = 0 in two
  /// dimensions and t = 1 in three, every box of volume 2^(t-m) holds exactly 2^t points, whatever
  /// its shape.
  @Test(arguments: seeds) func everyElementaryBoxIsFilledAlike(seed: UInt64) {
    let sequence = SobolSequence(dimension: 3, seed: seed)
    let plain = SobolSequence(unscrambledDimension: 3)
    for (sequence, label) in [(sequence, "scrambled"), (plain, "plain")] {
      for m in 1...9 {
        let points = (0..<UInt64(1 << m)).map { sequence.point(at: $0) }
        for (dimensions, t) in [(2, 0), (3, 1)] where m > t {
          for shape in shapes(of: m - t, in: dimensions) {
            var counts: [[Int]: Int] = [:]
            for point in points {
              counts[zip(shape, point).map { Int($1 * Double(1 << $0)) }, default: 0] += 1
            }
            #expect(
              counts.count == 1 << (m - t) && counts.values.allSatisfy { $0 == 1 << t },
              "\(label) seed \(seed) m \(m) shape \(shape)")
          }
        }
      }
    }
  }

  /// All ways to split `digits` binary digits over `dimensions` axes.
  private func shapes(of digits: Int, in dimensions: Int) -> [[Int]] {
    guard dimensions > 1 else { return [[digits]] }
    return (0...digits).flatMap { first in
      shapes(of: digits - first, in: dimensions - 1).map { [first] + $0 }
    }
  }

  @Test func aPointDependsOnSeedAndIndexAlone() {
    let wide = SobolSequence(dimension: 40, seed: 5)
    let narrow = SobolSequence(dimension: 7, seed: 5)
    for index: UInt64 in [0, 1, 1000, 1 << 31, 1 << 40] {
      #expect(Array(wide.point(at: index).prefix(7)) == narrow.point(at: index))
    }
    #expect(SobolSequence(dimension: 7, seed: 6).point(at: 3) != narrow.point(at: 3))
    #expect(SobolSequence(dimension: 0, seed: 5).point(at: 3).isEmpty)
  }

  @Test func scrambledPointsStayInsideTheOpenCube() {
    for seed in SobolSequenceTests.seeds {
      let sequence = SobolSequence(dimension: 1100, seed: seed)
      for index in (0..<64).map({ UInt64($0) }) + [.max, 1 << 32, (1 << 32) - 1] {
        let point = sequence.point(at: index)
        #expect(point.count == 1100)
        #expect(point.allSatisfy { $0 > 0 && $0 < 1 }, "seed \(seed) index \(index)")
      }
    }
  }

  /// Index 2^32 would be point 0 again.
  @Test func theSequenceGoesOnShiftedBeyondItsEnd() {
    let sequence = SobolSequence(dimension: 5, seed: 9)
    let size = 16
    let first = (0..<UInt64(size)).map { sequence.point(at: $0) }
    let second = (0..<UInt64(size)).map { sequence.point(at: 1 << 32 + $0) }
    #expect(Set(first + second).count == 2 * size)
    for j in 0..<5 {
      #expect(Set(second.map { Int($0[j] * Double(size)) }).count == size)
    }
  }

  @Test func dimensionsBeyondTheTableAreUniform() {
    let sequence = SobolSequence(dimension: 1026, seed: 3)
    var bins = [Int](repeating: 0, count: 10)
    for index in 0..<2_000 { bins[Int(sequence.point(at: UInt64(index))[1025] * 10)] += 1 }
    // Binomial(2000, 0.1): five standard deviations are 67.
    #expect(bins.allSatisfy { abs($0 - 200) < 67 }, "\(bins)")
  }
}
