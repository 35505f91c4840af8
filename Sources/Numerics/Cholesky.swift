// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CLAPACK
internal import Glibc

/// The factor L of a symmetric positive definite matrix A = L Lᵀ, L lower triangular (dpotrf), and
/// what one does with it: solve, invert, extend.
///
/// What surprises: there is no throwing. A matrix that is not positive definite, or that holds
/// something not finite, has no factor, and the initialiser says so with nil; the caller knows
/// whether to add jitter or to give up.
public struct Cholesky: Sendable {
  /// L; what stands above the diagonal is meaningless.
  private let factor: Matrix

  /// The number of rows of A.
  public var order: Int { factor.rows }

  /// - Parameter matrix: A, of which only the lower triangle is read.
  public init?(_ matrix: consuming Matrix) {
    precondition(matrix.rows == matrix.columns)
    let n = Int32(matrix.rows)
    var info: Int32 = 0
    if n > 0 {
      matrix.elements.withUnsafeMutableBufferPointer { a in
        BLAS.alone { dpotrf_("L", [n], a.baseAddress, [n], &info) }
      }
    }
    guard info == 0 else { return nil }
    // A NaN passes some implementations of dpotrf; it always reaches the diagonal.
    for i in 0..<matrix.rows where !(matrix[i, i].isFinite && matrix[i, i] > 0) { return nil }
    factor = matrix
  }

  private init(factor: Matrix) { self.factor = factor }

  /// The element of L in that row and column, zero above the diagonal.
  public subscript(row: Int, column: Int) -> Double { row < column ? 0 : factor[row, column] }

  /// ln |A|.
  public var logDeterminant: Double {
    var sum = 0.0
    for i in 0..<order { sum += log(factor[i, i]) }
    return 2 * sum
  }

  /// A⁻¹ b.
  public func solve(_ b: [Double]) -> [Double] {
    precondition(b.count == order)
    var x = b
    if order == 0 { return x }
    let n = Int32(order)
    var info: Int32 = 0
    x.withUnsafeMutableBufferPointer { x in
      BLAS.alone {
        dpotrs_("L", [n], [1], factor.elements, [n], x.baseAddress, [n], &info)
      }
    }
    return x
  }

  /// Replaces b by L⁻¹ b, or by L⁻ᵀ b.
  public func solveTriangular(_ b: inout [Double], transposed: Bool = false) {
    precondition(b.count == order)
    if order == 0 { return }
    let n = Int32(order)
    b.withUnsafeMutableBufferPointer { x in
      BLAS.alone {
        dtrsv_("L", transposed ? "T" : "N", "N", [n], factor.elements, [n], x.baseAddress, [1])
      }
    }
  }

  /// Replaces B by L⁻¹ B, or by L⁻ᵀ B.
  public func solveTriangular(_ b: inout Matrix, transposed: Bool = false) {
    precondition(b.rows == order)
    if order == 0 || b.columns == 0 { return }
    let n = Int32(order)
    let columns = Int32(b.columns)
    b.elements.withUnsafeMutableBufferPointer { x in
      BLAS.alone {
        dtrsm_(
          "L", "L", transposed ? "T" : "N", "N", [n], [columns], [1], factor.elements, [n],
          x.baseAddress, [n])
      }
    }
  }

  /// A⁻¹; only its lower triangle is meaningful (dpotri).
  public func inverseLowerTriangle() -> Matrix {
    var inverse = factor
    if order == 0 { return inverse }
    let n = Int32(order)
    var info: Int32 = 0
    inverse.elements.withUnsafeMutableBufferPointer { a in
      BLAS.alone { dpotri_("L", [n], a.baseAddress, [n], &info) }
    }
    return inverse
  }

  /// The factor of A with one row and column more: O(order²).
  ///
  /// With w = L⁻¹ a, the new row of the factor is (wᵀ, √(d − wᵀw)).
  /// - Parameters:
  ///   - whitened: w = L⁻¹ a, a being the new column above the diagonal.
  ///   - pivot: √(d − wᵀw), positive.
  public func appending(whitened: [Double], pivot: Double) -> Cholesky {
    precondition(whitened.count == order && pivot > 0)
    let n = order
    var larger = Matrix(rows: n + 1, columns: n + 1)
    larger.elements.withUnsafeMutableBufferPointer { to in
      factor.elements.withUnsafeBufferPointer { from in
        for j in 0..<n {
          for i in j..<n { to[i + j * (n + 1)] = from[i + j * n] }
          to[n + j * (n + 1)] = whitened[j]
        }
      }
      to[n + n * (n + 1)] = pivot
    }
    return Cholesky(factor: larger)
  }
}
