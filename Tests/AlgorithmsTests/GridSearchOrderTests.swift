// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct GridSearchOrderTests {
  static let shapes = [
    [], [1], [2], [7], [64], [1, 5, 1], [2, 3], [5, 5], [16, 16], [3, 4, 5], [10, 10, 10],
    [2, 2, 2, 2, 2, 2, 2], [30, 2], [7, 11, 13],
  ]

  func order(_ radices: [Int], seed: UInt64 = 0) throws -> GridSearchOrder {
    let specs = radices.enumerated().map { i, n in ParameterSpec.int("p\(i)", "1", "\(n)") }
    return try #require(GridSearchOrder(SearchSpace(specs), seed: seed))
  }

  @Test(arguments: shapes, [0, 1, 99] as [UInt64])
  func everyPointHasItsPlace(_ radices: [Int], seed: UInt64) throws {
    let order = try order(radices, seed: seed)
    let count = radices.reduce(1, *)
    #expect(order.count == UInt64(count))
    let points = (0..<UInt64(count)).map { order.point(at: $0) }
    #expect(Set(points).count == count, "\(radices) seed \(seed)")
    for (index, point) in points.enumerated() {
      #expect(zip(point, radices).allSatisfy { $0 >= 0 && $0 < Double($1) })
      #expect(order.index(of: point) == UInt64(index), "\(radices) seed \(seed)")
    }
  }

  /// Products beyond 64 bits, beyond 128 bits, and values up to 2^53.
  @Test func placesAreFoundInAnySpace() throws {
    let shapes = [
      [1 << 53, 1 << 53], [100_000, 100_000, 100_000], Array(repeating: 2, count: 200),
      Array(repeating: 1_000_000_007, count: 40), [3, 1 << 52, 2],
    ]
    for radices in shapes {
      let order = try order(radices.map { $0 - 1 })
      let limit = order.count ?? .max
      for index: UInt64 in [0, 1, 2, 1_000_003, 1 << 31, 1 << 45, limit - 1] where index < limit {
        let point = order.point(at: index)
        #expect(order.index(of: point) == index, "\(radices) \(index)")
      }
    }
    // Almost every point of such a space has no index that 64 bits can hold.
    let wide = try order(Array(repeating: 3, count: 200))
    #expect(wide.count == nil)
    #expect(wide.index(of: Array(repeating: 1, count: 200)) == nil)
  }

  @Test func aContinuousSpaceHasNoOrder() throws {
    #expect(GridSearchOrder(try SearchSpace([.double("d", "0", "1")]), seed: 0) == nil)
  }

  // MARK: - Coverage

  /// How evenly a prefix covers pairs of parameters: the mean over all pairs of the greatest
  /// difference, over boxes that begin at the origin, between the share of points inside and the
  /// share of the grid.
  func discrepancy(_ points: [[Double]], _ radices: [Int]) -> Double {
    var sum = 0.0
    var pairs = 0.0
    for a in radices.indices {
      for b in radices.indices where b > a {
        var worst = 0.0
        for x in 1...radices[a] {
          for y in 1...radices[b] {
            let inside = points.count { $0[a] < Double(x) && $0[b] < Double(y) }
            let share = Double(x * y) / Double(radices[a] * radices[b])
            worst = max(worst, abs(Double(inside) / Double(points.count) - share))
          }
        }
        sum += worst
        pairs += 1
      }
    }
    return sum / pairs
  }

  /// Distinct values per parameter, as a share of what so many points could show.
  func valuesSeen(_ points: [[Double]], _ radices: [Int]) -> Double {
    let shares = radices.indices.map { i in
      Double(Set(points.map { $0[i] }).count) / Double(min(points.count, radices[i]))
    }
    return shares.reduce(0, +) / Double(shares.count)
  }

  /// Against counting through the grid, and against drawing from it without replacement.
  @Test func prefixesCoverTheSpaceEarly() throws {
    let shapes = [
      [10, 10, 10], [16, 8, 4, 2], [5, 5, 5, 5], [2, 2, 2, 2, 2, 2, 2], [100, 7], [9, 6],
    ]
    var ratios: [Double] = []
    for radices in shapes {
      let total = radices.reduce(1, *)
      for length in [8, 16, 24, 40] where length < total {
        let counted = (0..<length).map { index in
          var rest = index
          let digits = radices.reversed().map { n -> Double in
            defer { rest /= n }
            return Double(rest % n)
          }
          return Array(digits.reversed())
        }
        var (ours, drawn, oursSeen, drawnSeen) = (0.0, 0.0, 0.0, 0.0)
        let seeds = 10
        for seed in 0..<UInt64(seeds) {
          let order = try order(radices, seed: seed)
          let points = (0..<UInt64(length)).map { order.point(at: $0) }
          ours += discrepancy(points, radices) / Double(seeds)
          oursSeen += valuesSeen(points, radices) / Double(seeds)
          var random = RandomSource(seed: seed, purpose: "coverage")
          var places = Set<Int>()
          while places.count < length { places.insert(random.uniform(below: total)) }
          let sample = places.map { order.point(at: UInt64($0)) }
          drawn += discrepancy(sample, radices) / Double(seeds)
          drawnSeen += valuesSeen(sample, radices) / Double(seeds)
        }
        #expect(ours < 0.5 * discrepancy(counted, radices), "\(radices) \(length)")
        #expect(oursSeen >= valuesSeen(counted, radices), "\(radices) \(length)")
        #expect(oursSeen > drawnSeen - 0.02, "\(radices) \(length): \(oursSeen) \(drawnSeen)")
        ratios.append(ours / drawn)
      }
    }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    // Measured: 0.43.
    #expect(mean < 0.5, "\(ratios)")
  }
}
