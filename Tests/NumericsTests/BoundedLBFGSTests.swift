// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Numerics

@Suite struct BoundedLBFGSTests {
  /// Rosenbrock's valley in any dimension; the minimum 0 is at (1, …, 1).
  private func rosenbrock(_ x: [Double], _ g: inout [Double]) -> Double {
    var value = 0.0
    for i in g.indices { g[i] = 0 }
    for i in 0..<x.count - 1 {
      let a = x[i + 1] - x[i] * x[i]
      let b = 1 - x[i]
      value += 100 * a * a + b * b
      g[i] += -400 * a * x[i] - 2 * b
      g[i + 1] += 200 * a
    }
    return value
  }

  @Test(arguments: [2, 5, 20])
  func findsTheEndOfAValley(dimension: Int) {
    let search = BoundedLBFGS(maximumIterations: 500, gradientTolerance: 1e-8, valueTolerance: 0)
    let result = search.minimize(
      from: [Double](repeating: -1.2, count: dimension),
      lower: [Double](repeating: -5, count: dimension),
      upper: [Double](repeating: 5, count: dimension), evaluate: rosenbrock)
    #expect(result.value < 1e-10, "\(result)")
    #expect(result.point.allSatisfy { abs($0 - 1) < 1e-4 })
    #expect(result.evaluations < 60 * dimension)
  }

  /// A quadratic with a strong coupling whose free minimum lies outside the box. Reference: the
  /// corner and edge solutions from the Karush-Kuhn-Tucker conditions by hand.
  @Test func stopsAtTheBoundThatTheOptimumTouches() {
    // f = ½ xᵀ[[2, 1], [1, 2]]x − (4, −1)x: free minimum (3, −2); with x₂ ≥ 0: (2, 0).
    let result = BoundedLBFGS(gradientTolerance: 1e-10, valueTolerance: 0).minimize(
      from: [0.5, 4], lower: [0, 0], upper: [5, 5]
    ) { x, g in
      g[0] = 2 * x[0] + x[1] - 4
      g[1] = x[0] + 2 * x[1] + 1
      return x[0] * x[0] + x[0] * x[1] + x[1] * x[1] - 4 * x[0] + x[1]
    }
    #expect(abs(result.point[0] - 2) < 1e-8)
    #expect(result.point[1] == 0)
  }

  @Test func backsAwayFromWhatIsNotFinite() {
    // ln x is NaN left of 0; the start is far from the minimum x = 1 of x − ln x.
    let result = BoundedLBFGS().minimize(from: [8], lower: [-10], upper: [10]) { x, g in
      g[0] = 1 - 1 / x[0]
      return x[0] > 0 ? x[0] - x[0].logarithm : .nan
    }
    #expect(abs(result.point[0] - 1) < 1e-3, "\(result)")
  }

  @Test func neverReturnsAnythingWorseThanTheStart() {
    let hopeless = BoundedLBFGS().minimize(from: [0.3], lower: [0], upper: [1]) { _, g in
      g[0] = 1
      return .nan
    }
    #expect(hopeless.point == [0.3])
    #expect(hopeless.value == .infinity)
    // A gradient that lies: uphill is called downhill.
    let lied = BoundedLBFGS().minimize(from: [0.3], lower: [0], upper: [1]) { x, g in
      g[0] = -2 * x[0]
      return x[0] * x[0]
    }
    #expect(lied.value <= 0.09)
  }

  @Test func keepsItsBudget() {
    var calls = 0
    let result = BoundedLBFGS(maximumIterations: 1000, maximumEvaluations: 17, valueTolerance: 0)
      .minimize(
        from: [-1.2, 1, 1], lower: [-5, -5, -5], upper: [5, 5, 5]
      ) { x, g in
        calls += 1
        return rosenbrock(x, &g)
      }
    #expect(calls == result.evaluations)
    #expect(calls <= 17)
  }
}

extension Double {
  /// ln, by the series of artanh: enough for a test without a mathematics library.
  fileprivate var logarithm: Double {
    let exponent = Double(self.exponent)
    let m = (significand - 1) / (significand + 1)
    var sum = 0.0
    var power = m
    for k in stride(from: 1, to: 60, by: 2) {
      sum += power / Double(k)
      power *= m * m
    }
    return 2 * sum + exponent * 0.693147180559945309
  }
}
