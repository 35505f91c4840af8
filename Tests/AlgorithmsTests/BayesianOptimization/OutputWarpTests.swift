// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Algorithms

@Suite struct OutputWarpTests {
  @Test func halfRankAgreesWithNumpyAfterStandardisation() {
    for (input, output) in zip(ReferenceValues.warpInputs, ReferenceValues.warpOutputs) {
      let expected = OutputWarp.standardised(output)
      let warped = OutputWarp.warped(input)
      for i in input.indices { #expect(abs(warped[i] - expected[i]) < 1e-13) }
    }
  }

  static let hardValues: [[Double]] = [
    [1, 1, 1, 1], [5], [], [1e300, -1e300, 1e299, 3, 0], [1e-300, 2e-300, 3e-300],
    [1e300, 1e-300, 0, 2e-300, -1e-300, .leastNonzeroMagnitude], [1, 1, 1, 2, 3],
    [-.greatestFiniteMagnitude, .greatestFiniteMagnitude, 0],
  ]

  @Test(arguments: hardValues)
  func staysFiniteAndKeepsTheOrder(values: [Double]) {
    let warped = OutputWarp.warped(values)
    #expect(warped.count == values.count)
    #expect(warped.allSatisfy { $0.isFinite && abs($0) < 100 }, "\(warped)")
    for i in values.indices {
      for j in values.indices {
        // Equal values stay equal, smaller ones never become larger.
        if values[i] == values[j] { #expect(warped[i] == warped[j]) }
        if values[i] < values[j] { #expect(warped[i] <= warped[j], "\(values) -> \(warped)") }
      }
    }
  }

  /// The same differences at any scale give the same warped values.
  @Test func scaleDoesNotMatter() {
    let values = [3.0, -1, 0.5, 7, 2, 100]
    let warped = OutputWarp.warped(values)
    for scale in [0x1p-900, 0x1p900] {
      #expect(OutputWarp.warped(values.map { $0 * scale }) == warped)
    }
  }
}
