// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

/// |value - expected| relative to the larger of |expected| and `floor`.
private func deviation(_ value: Double, _ expected: Double, floor: Double = 1e-300) -> Double {
  abs(value - expected) / max(abs(expected), floor)
}

@Suite struct NormalTests {
  @Test func distributionFunctionKeepsItsDigitsInTheTail() {
    for (x, expected) in NormalReference.cdf {
      // The argument's own rounding costs x^2 units in the last place.
      let bound = 4e-16 * (1 + x * x)
      #expect(deviation(Normal.cdf(x), expected) < bound, "x = \(x)")
    }
  }

  @Test func logarithmOfTheDistributionFunctionReachesFarBeyondDoubles() {
    for (x, expected) in NormalReference.logCdf {
      // Above, ln Phi(x) is -Phi(-x), which the rounding of x moves by x^2 units.
      let bound = x > 5 ? 4e-16 * x * x : 1e-14
      #expect(deviation(Normal.logCdf(x), expected) < bound, "x = \(x): \(Normal.logCdf(x))")
    }
    #expect(Normal.logCdf(-.infinity) == -.infinity)
    #expect(Normal.logCdf(.infinity) == 0)
  }

  @Test func densityIsTheDerivative() {
    for x in stride(from: -6.0, through: 6.0, by: 0.37) {
      let slope = (Normal.cdf(x + 1e-5) - Normal.cdf(x - 1e-5)) / 2e-5
      #expect(abs(slope - Normal.pdf(x)) < 1e-9, "x = \(x)")
    }
    #expect(Normal.logPdf(1e6) == -5e11 - 0.91893853320467274)
  }

  @Test func massOfAnIntervalNeverCancels() {
    for (a, b, expected) in NormalReference.logMass {
      // A rounding of the ends moves the mass by |a| (b - a) relative units: hence the second term.
      let bound = 1e-13 + 4e-16 * max(a * a, b * b) / max(abs(expected), 1)
      let value = Normal.logMass(from: a, to: b)
      #expect(
        abs(value - expected) < bound * max(abs(expected), 1), "[\(a), \(b)]: \(value), \(expected)"
      )
      #expect(Normal.logMass(from: -b, to: -a) == value, "the tails mirror each other")
    }
  }

  @Test func massOfUnboundedAndEmptyIntervals() {
    #expect(Normal.logMass(from: -.infinity, to: .infinity) == 0)
    #expect(deviation(Normal.logMass(from: -.infinity, to: -50), Normal.logCdf(-50)) < 1e-15)
    #expect(deviation(Normal.logMass(from: 50, to: .infinity), Normal.logCdf(-50)) < 1e-15)
    #expect(Normal.logMass(from: 1, to: 1) == -.infinity)
    #expect(Normal.logMass(from: 2, to: 1) == -.infinity)
  }

  @Test func massesOfNeighboursAddUp() {
    // 64 cells over [-9, 7] against the whole: each branch of logMass takes part.
    let edges = (0...64).map { -9 + 16 * Double($0) / 64 }
    let sum = zip(edges, edges.dropFirst()).reduce(0.0) { sum, cell in
      sum + exp(Normal.logMass(from: cell.0, to: cell.1))
    }
    #expect(abs(sum - exp(Normal.logMass(from: -9, to: 7))) < 1e-14)
  }

  @Test func quantileIsAccurate() {
    for (p, expected) in NormalReference.quantile {
      #expect(deviation(Normal.quantile(p), expected, floor: 1e-3) < 3e-15, "p = \(p)")
    }
    #expect(Normal.quantile(0) == -.infinity)
    #expect(Normal.quantile(1) == .infinity)
    #expect(Normal.quantile(1.5).isNaN && Normal.quantile(-0.1).isNaN)
  }

  @Test func quantileOfALogProbabilityIsAccurate() {
    for (p, expected) in NormalReference.logQuantile {
      #expect(
        deviation(Normal.quantile(logProbability: p), expected, floor: 1e-1) < 2e-14, "ln p = \(p)")
    }
    #expect(Normal.quantile(logProbability: -.infinity) == -.infinity)
    #expect(Normal.quantile(logProbability: 0) == .infinity)
  }

  @Test func truncatedQuantileIsAccurateAndInside() {
    for (q, a, b, expected) in NormalReference.truncatedQuantile {
      let value = Normal.truncatedQuantile(q, from: a, to: b)
      #expect(deviation(value, expected) < 1e-12, "q = \(q), [\(a), \(b)]: \(value)")
    }
    for (_, a, b, _) in NormalReference.truncatedQuantile {
      #expect(Normal.truncatedQuantile(0, from: a, to: b) == a)
      #expect(Normal.truncatedQuantile(1, from: a, to: b) == b)
      var last = a
      for step in 1...50 {
        let value = Normal.truncatedQuantile(Double(step) / 50, from: a, to: b)
        #expect(value >= last && value <= b, "monotone on [\(a), \(b)] at step \(step)")
        last = value
      }
    }
  }

  @Test func truncatedVariatesStayInsideTheirInterval() {
    var random = RandomSource(seed: 1, purpose: "normal test")
    for _ in 0..<2000 {
      let mean = random.uniform() * 3 - 1
      let deviation = Normal.quantile(logProbability: -random.uniform() * 0.6)
      let scale = abs(deviation) * 0.1 + 1e-6
      let x = Normal.truncatedQuantile(
        random.uniform(), mean: mean, deviation: scale, from: 0, to: 1)
      #expect(x >= 0 && x <= 1, "mean \(mean), deviation \(scale)")
    }
  }

  @Test func variatesHaveTheMomentsOfTheNormal() {
    var random = RandomSource(seed: 7, purpose: "normal variates")
    let values = (0..<20_000).map { _ in Normal.variate(using: &random) }
    let mean = values.reduce(0, +) / 20_000
    let square = values.reduce(0) { $0 + $1 * $1 } / 20_000
    #expect(abs(mean) < 0.03 && abs(square - 1) < 0.04, "seed 7: \(mean), \(square)")
  }
}
