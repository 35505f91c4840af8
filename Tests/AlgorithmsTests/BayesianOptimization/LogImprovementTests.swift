// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Algorithms

@Suite struct LogImprovementTests {
  @Test(arguments: ReferenceValues.logImprovement)
  func agreesWithEightyDigits(row: [Double]) {
    let (value, derivative) = LogImprovement.expected(row[0])
    #expect(abs(value - row[1]) <= 2e-11 * max(1, abs(row[1])), "z = \(row[0]): \(value)")
    #expect(abs(derivative / row[2] - 1) < 1e-9, "z = \(row[0]): \(derivative)")
  }

  @Test(arguments: [-1e5, -300, -30.5, -29.5, -3, -1, -0.5, 0, 2, 5])
  func probabilityHasTheDerivativeItSays(z: Double) {
    let step = max(1, abs(z)) * 1e-6
    let difference =
      (LogImprovement.probability(z + step).value - LogImprovement.probability(z - step).value)
      / (2 * step)
    let derivative = LogImprovement.probability(z).derivative
    #expect(abs(difference - derivative) <= 1e-5 * max(1e-3, abs(derivative)))
  }
}
