// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What a recurrent network that reads one vector at a time is made of: three products on row-major
/// matrices of floats, and the two squashing functions.
///
/// Plain loops instead of BLAS: the matrices are so small (256 by 512 at most) that a call through
/// the process-wide lock costs as much as the product, and a loop gives the same bits on every kind
/// of CPU. Rows go in groups of four, so that four products share one load and store of the sum.
enum VectorKernels {
  typealias Vector = UnsafePointer<Float>
  typealias MutableVector = UnsafeMutablePointer<Float>

  /// y += x W, with W of `rows` times `columns`.
  @inline(__always)
  static func addProduct(
    _ x: Vector, _ w: Vector, rows: Int, columns: Int, to y: MutableVector
  ) {
    var r = 0
    var row = w
    while r &+ 4 <= rows {
      let (x0, x1, x2, x3) = (x[r], x[r &+ 1], x[r &+ 2], x[r &+ 3])
      let (w0, w1) = (row, row + columns)
      let (w2, w3) = (row + 2 &* columns, row + 3 &* columns)
      for c in 0..<columns {
        y[c] += (x0 * w0[c] + x1 * w1[c]) + (x2 * w2[c] + x3 * w3[c])
      }
      row += 4 &* columns
      r &+= 4
    }
    while r < rows {
      let x0 = x[r]
      for c in 0..<columns { y[c] += x0 * row[c] }
      row += columns
      r &+= 1
    }
  }

  /// x += W y, with W of `rows` times `columns`.
  @inline(__always)
  static func addTransposedProduct(
    _ y: Vector, _ w: Vector, rows: Int, columns: Int, to x: MutableVector
  ) {
    for r in 0..<rows { x[r] += dot(w + r &* columns, y, columns) }
  }

  /// W += x yᵀ, with W of `rows` times `columns`.
  @inline(__always)
  static func addOuterProduct(
    _ x: Vector, _ y: Vector, rows: Int, columns: Int, to w: MutableVector
  ) {
    for r in 0..<rows {
      let factor = x[r]
      let row = w + r &* columns
      for c in 0..<columns { row[c] += factor * y[c] }
    }
  }

  /// Sixteen partial sums, because the compiler may not reorder a sum of floats by itself.
  @inline(__always)
  static func dot(_ a: Vector, _ b: Vector, _ count: Int) -> Float {
    var low = SIMD8<Float>.zero
    var high = SIMD8<Float>.zero
    var i = 0
    while i &+ 16 <= count {
      low += load(a + i) * load(b + i)
      high += load(a + (i &+ 8)) * load(b + (i &+ 8))
      i &+= 16
    }
    var sum = (low + high).sum()
    while i < count {
      sum += a[i] * b[i]
      i &+= 1
    }
    return sum
  }

  @inline(__always)
  static func load(_ p: Vector) -> SIMD8<Float> {
    UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self)
  }

  @inline(__always)
  static func store(_ values: SIMD8<Float>, _ p: MutableVector) {
    UnsafeMutableRawPointer(p).storeBytes(of: values, as: SIMD8<Float>.self)
  }

  /// Whether all entries are finite: 0 · x is 0 for those and NaN for the others, and stays NaN in
  /// a sum.
  static func isFinite(_ x: Vector, _ count: Int) -> Bool {
    var sums = SIMD8<Float>.zero
    var i = 0
    while i &+ 8 <= count {
      sums += load(x + i) * 0
      i &+= 8
    }
    var sum = sums.sum()
    while i < count {
      sum += x[i] * 0
      i &+= 1
    }
    return sum == 0
  }

  /// y = tanh x.
  @inline(__always)
  static func tanh(_ x: Vector, _ count: Int, to y: MutableVector) {
    for k in 0..<count { y[k] = tanh(x[k]) }
  }

  /// y = tanh(a + b).
  @inline(__always)
  static func tanhOfSum(_ a: Vector, _ b: Vector, _ count: Int, to y: MutableVector) {
    for k in 0..<count { y[k] = tanh(a[k] + b[k]) }
  }

  /// The fraction that Lambert's continued fraction for tanh gives when cut off behind 13, which
  /// reaches 1 at 4.97 and is cut off there; its error is below 1e-4. In place of the C library's, because
  /// a run asks for ten thousand of them, and a loop over this one is vectorised.
  @inline(__always)
  static func tanh(_ x: Float) -> Float {
    let x = max(-4.97, min(4.97, x))
    let x2 = x * x
    let above = x * (135_135 + x2 * (17_325 + x2 * (378 + x2)))
    let below = 135_135 + x2 * (62_370 + x2 * (3_150 + x2 * 28))
    return above / below
  }

  @inline(__always)
  static func sigmoid(_ x: Float) -> Float { 0.5 + 0.5 * tanh(0.5 * x) }
}
