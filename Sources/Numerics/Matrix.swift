// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CLAPACK

/// A dense matrix of doubles, column-major as LAPACK wants it: element (i, j) stands at
/// `elements[i + j * rows]`.
///
/// It is a plain value. The routines that cost more than O(rows x columns) go to BLAS.
public struct Matrix: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  /// Column after column, `rows * columns` numbers.
  public var elements: [Double]

  public init(rows: Int, columns: Int, repeating value: Double = 0) {
    precondition(rows >= 0 && columns >= 0)
    self.rows = rows
    self.columns = columns
    elements = [Double](repeating: value, count: rows * columns)
  }

  /// - Precondition: `elements` holds `rows * columns` numbers, column after column.
  public init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.elements = elements
  }

  /// The identity of that order.
  public static func identity(_ order: Int) -> Matrix {
    var result = Matrix(rows: order, columns: order)
    for i in 0..<order { result[i, i] = 1 }
    return result
  }

  public subscript(row: Int, column: Int) -> Double {
    get { elements[row + column * rows] }
    set { elements[row + column * rows] = newValue }
  }

  /// op(A) op(B), where op transposes if asked to (dgemm).
  /// - Precondition: the inner dimensions agree.
  public static func product(
    _ a: Matrix, _ b: Matrix, transposingLeft: Bool = false, transposingRight: Bool = false
  ) -> Matrix {
    let m = transposingLeft ? a.columns : a.rows
    let k = transposingLeft ? a.rows : a.columns
    let n = transposingRight ? b.rows : b.columns
    precondition(k == (transposingRight ? b.columns : b.rows))
    var c = Matrix(rows: m, columns: n)
    if m == 0 || n == 0 || k == 0 { return c }
    c.elements.withUnsafeMutableBufferPointer { target in
      BLAS.alone {
        dgemm_(
          transposingLeft ? "T" : "N", transposingRight ? "T" : "N", [Int32(m)], [Int32(n)],
          [Int32(k)], [1], a.elements, [Int32(a.rows)], b.elements, [Int32(b.rows)], [0],
          target.baseAddress, [Int32(m)])
      }
    }
    return c
  }

  /// op(A) x (dgemv).
  /// - Precondition: `vector` is as long as op(A) is wide.
  public func times(_ vector: [Double], transposed: Bool = false) -> [Double] {
    precondition(vector.count == (transposed ? rows : columns))
    var result = [Double](repeating: 0, count: transposed ? columns : rows)
    if rows == 0 || columns == 0 { return result }
    result.withUnsafeMutableBufferPointer { target in
      BLAS.alone {
        dgemv_(
          transposed ? "T" : "N", [Int32(rows)], [Int32(columns)], [1], elements, [Int32(rows)],
          vector, [1], [0], target.baseAddress, [1])
      }
    }
    return result
  }
}

/// The scalar product of two vectors of one length.
public func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count)
  var sum = 0.0
  for i in a.indices { sum += a[i] * b[i] }
  return sum
}
