// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Numerics
import Testing

@Suite struct SymmetricEigenTests {
  /// max |A - Q diag(v) Q^T| and max |Q^T Q - I|
  private func residuals(_ a: [Double], _ e: SymmetricEigen) -> (Double, Double) {
    let n = e.dimension
    var fit = 0.0
    var orthogonality = 0.0
    for i in 0..<n {
      for j in 0..<n {
        var sum = 0.0
        var product = 0.0
        for k in 0..<n {
          sum += e.vectors[i * n + k] * e.values[k] * e.vectors[j * n + k]
          product += e.vectors[k * n + i] * e.vectors[k * n + j]
        }
        fit = max(fit, abs(sum - a[i * n + j]))
        orthogonality = max(orthogonality, abs(product - (i == j ? 1 : 0)))
      }
    }
    return (fit, orthogonality)
  }

  @Test(arguments: [1, 2, 3, 5, 10, 37, 200])
  func rebuildsRandomMatrices(n: Int) {
    var random = RandomSource(seed: UInt64(n), purpose: "eigen test")
    var a = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      for j in 0...i {
        a[i * n + j] = Normal.variate(using: &random)
        a[j * n + i] = a[i * n + j]
      }
    }
    let e = SymmetricEigen(a, dimension: n)
    let (fit, orthogonality) = residuals(a, e)
    #expect(fit < 1e-12 * Double(n) && orthogonality < 1e-13 * Double(n), "\(fit) \(orthogonality)")
    #expect(zip(e.values, e.values.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test func knownSpectra() {
    let diagonal = SymmetricEigen([3, 0, 0, 0, -1, 0, 0, 0, 2], dimension: 3)
    #expect(diagonal.values == [-1, 2, 3])
    // Second difference matrix: 2 - 2 cos(k pi / 6), k = 1 ... 5; 1, 2 and 3 are exact.
    let n = 5
    var a = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      a[i * n + i] = 2
      if i > 0 {
        a[i * n + i - 1] = -1
        a[(i - 1) * n + i] = -1
      }
    }
    let e = SymmetricEigen(a, dimension: n)
    let root3 = 3.0.squareRoot()
    for (value, expected) in zip(e.values, [2 - root3, 1, 2, 3, 2 + root3]) {
      #expect(abs(value - expected) < 1e-14)
    }
  }

  @Test func degenerateAndBadlyScaledMatrices() {
    let zero = SymmetricEigen([Double](repeating: 0, count: 16), dimension: 4)
    #expect(zero.values == [0, 0, 0, 0])
    for scale in [1e-150, 1e150] {
      let a = [4, 1, -2, 1, 3, 0, -2, 0, 5].map { $0 * scale }
      let (fit, orthogonality) = residuals(a, SymmetricEigen(a, dimension: 3))
      #expect(fit < 1e-14 * scale && orthogonality < 1e-14)
    }
    // Rank one with 1e12 between the largest and the rest.
    let v = [1.0, 2, 3, 4]
    var a = [Double](repeating: 0, count: 16)
    for i in 0..<4 {
      for j in 0..<4 { a[i * 4 + j] = v[i] * v[j] + (i == j ? 1e-12 : 0) }
    }
    let e = SymmetricEigen(a, dimension: 4)
    #expect(abs(e.values[3] - 30) < 1e-12 && e.values.allSatisfy { $0.isFinite })
  }
}
