// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Numerics

@Suite struct LinearAlgebraTests {
  /// B Bᵀ + 0.1 I for a random B: positive definite.
  private func positiveDefinite(_ order: Int, seed: UInt64) -> Matrix {
    var random = RandomSource(seed: seed, purpose: "linear algebra tests")
    var b = Matrix(rows: order, columns: order)
    for i in b.elements.indices { b.elements[i] = random.uniform() - 0.5 }
    var result = Matrix.product(b, b, transposingRight: true)
    for i in 0..<order { result[i, i] += 0.1 }
    return result
  }

  private func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  @Test(arguments: [false, true], [false, true])
  func productsAgreeWithTheirDefinition(left: Bool, right: Bool) {
    var random = RandomSource(seed: 3, purpose: "linear algebra tests")
    var a = left ? Matrix(rows: 4, columns: 3) : Matrix(rows: 3, columns: 4)
    var b = right ? Matrix(rows: 5, columns: 4) : Matrix(rows: 4, columns: 5)
    for i in a.elements.indices { a.elements[i] = random.uniform() }
    for i in b.elements.indices { b.elements[i] = random.uniform() }
    let product = Matrix.product(a, b, transposingLeft: left, transposingRight: right)
    for i in 0..<3 {
      for j in 0..<5 {
        var sum = 0.0
        for k in 0..<4 { sum += (left ? a[k, i] : a[i, k]) * (right ? b[j, k] : b[k, j]) }
        #expect(abs(product[i, j] - sum) < 1e-14)
      }
    }
    let vector = [1.0, -2, 0.5, 3]
    let column = Matrix(rows: 4, columns: 1, elements: vector)
    let expected = Matrix.product(a, column, transposingLeft: left).elements
    #expect(largestDifference(a.times(vector, transposed: left), expected) < 1e-14)
  }

  @Test(arguments: [0, 1, 2, 7, 40, 130])
  func choleskySolvesInvertsAndKnowsTheDeterminant(order: Int) throws {
    let a = positiveDefinite(order, seed: UInt64(order))
    let cholesky = try #require(Cholesky(a))
    let x = (0..<order).map { Double($0) - 3 }
    #expect(largestDifference(cholesky.solve(a.times(x)), x) < 1e-9)

    var factor = Matrix(rows: order, columns: order)
    var determinant = 1.0
    for i in 0..<order {
      determinant *= cholesky[i, i] * cholesky[i, i]
      for j in 0...i { factor[i, j] = cholesky[i, j] }
    }
    let again = Matrix.product(factor, factor, transposingRight: true)
    #expect(largestDifference(again.elements, a.elements) < 1e-12)
    if order < 20 { #expect(abs(exp(cholesky.logDeterminant) / determinant - 1) < 1e-12) }

    let inverse = cholesky.inverseLowerTriangle()
    for j in 0..<order {
      var unit = [Double](repeating: 0, count: order)
      unit[j] = 1
      let column = cholesky.solve(unit)
      for i in j..<order { #expect(abs(inverse[i, j] - column[i]) < 1e-9) }
    }
  }

  @Test func triangularSolvesUndoTheFactor() throws {
    let a = positiveDefinite(9, seed: 1)
    let cholesky = try #require(Cholesky(a))
    var b = Matrix(rows: 9, columns: 2)
    for i in b.elements.indices { b.elements[i] = Double(i % 5) - 2 }
    var solved = b
    cholesky.solveTriangular(&solved)
    cholesky.solveTriangular(&solved, transposed: true)
    for j in 0..<2 {
      let column = Array(b.elements[j * 9..<(j + 1) * 9])
      #expect(
        largestDifference(Array(solved.elements[j * 9..<(j + 1) * 9]), cholesky.solve(column))
          < 1e-12)
      var one = column
      cholesky.solveTriangular(&one)
      cholesky.solveTriangular(&one, transposed: true)
      #expect(largestDifference(one, cholesky.solve(column)) < 1e-12)
    }
  }

  @Test func appendingARowGivesTheFactorOfTheLargerMatrix() throws {
    let large = positiveDefinite(12, seed: 5)
    var small = Matrix(rows: 11, columns: 11)
    for j in 0..<11 { for i in 0..<11 { small[i, j] = large[i, j] } }
    let whole = try #require(Cholesky(large))
    let part = try #require(Cholesky(small))
    var w = (0..<11).map { large[11, $0] }
    part.solveTriangular(&w)
    let grown = part.appending(
      whitened: w, pivot: (large[11, 11] - dot(w, w)).squareRoot())
    for j in 0..<12 {
      for i in j..<12 { #expect(abs(grown[i, j] - whole[i, j]) < 1e-12) }
    }
  }

  @Test func whatHasNoFactorGivesNil() {
    var indefinite = Matrix.identity(3)
    indefinite[1, 1] = -1
    #expect(Cholesky(indefinite) == nil)
    for bad in [Double.nan, .infinity] {
      for (i, j) in [(0, 0), (2, 2), (2, 0)] {
        var matrix = Matrix.identity(3)
        matrix[i, j] = bad
        #expect(Cholesky(matrix) == nil, "\(bad) at \(i), \(j)")
      }
    }
  }
}
