// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Minimises a smooth function within a box: limited-memory BFGS with gradient projection.
///
/// The direction is the two-loop recursion (Nocedal and Wright, Numerical Optimization, algorithm
/// 7.4) over the variables that are free, that is, not held at a bound by the gradient (Bertsekas,
/// "Projected Newton methods for optimization problems with simple constraints", 1982). The line
/// search walks the projected path x(t) = P(x + t d) and backs up until Armijo's condition holds.
///
/// What surprises: the function may return something not finite; such a point counts as infinitely
/// bad and the search backs away from it. The result is never worse than the start.
public struct BoundedLBFGS: Sendable {
  /// Correction pairs kept.
  public var memory = 10
  /// Iterations at most; each takes one evaluation, rarely more.
  public var maximumIterations: Int
  /// Evaluations at most.
  public var maximumEvaluations: Int
  /// Stops when no component of the projected gradient P(x − g) − x is larger.
  public var gradientTolerance: Double
  /// Stops when an iteration lowers the value by less than this times max(1, |value|).
  public var valueTolerance: Double

  public init(
    maximumIterations: Int = 60, maximumEvaluations: Int? = nil, gradientTolerance: Double = 1e-5,
    valueTolerance: Double = 1e-9
  ) {
    self.maximumIterations = maximumIterations
    self.maximumEvaluations = maximumEvaluations ?? 2 * maximumIterations + 20
    self.gradientTolerance = gradientTolerance
    self.valueTolerance = valueTolerance
  }

  public struct Result: Sendable {
    public var point: [Double]
    public var value: Double
    public var iterations: Int
    public var evaluations: Int
  }

  /// - Parameters:
  ///   - start: clamped into the box first.
  ///   - evaluate: returns the value and fills in the gradient; a value that is not finite marks
  ///     the point as inadmissible.
  /// - Returns: the best point seen; its value is infinite only if even the start is inadmissible.
  public func minimize(
    from start: [Double], lower: [Double], upper: [Double],
    evaluate: (_ point: [Double], _ gradient: inout [Double]) throws -> Double
  ) rethrows -> Result {
    precondition(start.count == lower.count && start.count == upper.count)
    let n = start.count
    var x = (0..<n).map { min(max(start[$0], lower[$0]), upper[$0]) }
    var gradient = [Double](repeating: 0, count: n)
    var value = finite(try evaluate(x, &gradient), gradient)
    var result = Result(point: x, value: value, iterations: 0, evaluations: 1)
    guard value.isFinite, n > 0 else { return result }

    var pairs: [CorrectionPair] = []
    var next = [Double](repeating: 0, count: n)
    var nextGradient = next
    var converged = false
    while !converged && result.iterations < maximumIterations {
      let free = freeVariables(x, gradient, lower, upper)
      if projectedNorm(x, gradient, lower, upper) <= gradientTolerance { break }
      var direction = quasiNewtonDirection(gradient, free, pairs)
      var slope = dot(direction, gradient)
      if !(slope < -1e-12 * norm(direction) * norm(gradient)) {
        pairs.removeAll()
        direction = (0..<n).map { free[$0] ? -gradient[$0] : 0 }
        slope = dot(direction, gradient)
      }
      // Without curvature information the first step is short: one unit of length at most.
      var step = pairs.isEmpty ? min(1, 1 / norm(direction)) : 1.0
      var accepted = false
      while result.evaluations < maximumEvaluations {
        for i in 0..<n { next[i] = min(max(x[i] + step * direction[i], lower[i]), upper[i]) }
        var predicted = 0.0
        for i in 0..<n { predicted += gradient[i] * (next[i] - x[i]) }
        if next == x { break }
        let nextValue = finite(try evaluate(next, &nextGradient), nextGradient)
        result.evaluations += 1
        if nextValue <= value + 1e-4 * min(predicted, 0) {
          accepted = true
          record(&pairs, from: x, gradient, to: next, nextGradient)
          let decrease = value - nextValue
          swap(&x, &next)
          swap(&gradient, &nextGradient)
          value = nextValue
          result.iterations += 1
          converged = decrease <= valueTolerance * max(1, abs(value))
          break
        }
        // The minimum of the parabola through what is known, kept within sensible shares.
        let curvature = 2 * (nextValue - value - predicted)
        let parabola = curvature.isFinite && curvature > 0 ? -predicted / curvature : 0.1
        step *= min(max(parabola, 0.1), 0.5)
        if step < 1e-14 { break }
      }
      result.point = x
      result.value = value
      if !accepted {
        // A stale memory may have spoilt the direction: try the gradient once before giving up.
        if pairs.isEmpty || result.evaluations >= maximumEvaluations { break }
        pairs.removeAll()
      }
    }
    return result
  }

  private struct CorrectionPair {
    var step: [Double]
    var change: [Double]
  }

  private func finite(_ value: Double, _ gradient: [Double]) -> Double {
    value.isFinite && gradient.allSatisfy { $0.isFinite } ? value : .infinity
  }

  private func norm(_ v: [Double]) -> Double { dot(v, v).squareRoot() }

  private func freeVariables(
    _ x: [Double], _ g: [Double], _ lower: [Double], _ upper: [Double]
  ) -> [Bool] {
    x.indices.map { !((x[$0] <= lower[$0] && g[$0] > 0) || (x[$0] >= upper[$0] && g[$0] < 0)) }
  }

  private func projectedNorm(
    _ x: [Double], _ g: [Double], _ lower: [Double], _ upper: [Double]
  ) -> Double {
    x.indices.reduce(0.0) { largest, i in
      max(largest, abs(min(max(x[i] - g[i], lower[i]), upper[i]) - x[i]))
    }
  }

  private func record(
    _ pairs: inout [CorrectionPair], from x: [Double], _ g: [Double], to y: [Double], _ h: [Double]
  ) {
    let step = x.indices.map { y[$0] - x[$0] }
    let change = x.indices.map { h[$0] - g[$0] }
    // Only pairs of positive curvature keep the approximation positive definite.
    guard dot(step, change) > 1e-10 * norm(step) * norm(change) else { return }
    pairs.append(CorrectionPair(step: step, change: change))
    if pairs.count > memory { pairs.removeFirst() }
  }

  /// −H g over the free variables; the others do not move.
  private func quasiNewtonDirection(
    _ gradient: [Double], _ free: [Bool], _ pairs: [CorrectionPair]
  ) -> [Double] {
    let n = gradient.count
    func inner(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for i in 0..<n where free[i] { sum += a[i] * b[i] }
      return sum
    }
    var q = (0..<n).map { free[$0] ? gradient[$0] : 0 }
    var alphas: [(pair: Int, alpha: Double, curvature: Double)] = []
    for (index, pair) in pairs.enumerated().reversed() {
      let curvature = inner(pair.step, pair.change)
      guard curvature > 0 else { continue }
      let alpha = inner(pair.step, q) / curvature
      for i in 0..<n where free[i] { q[i] -= alpha * pair.change[i] }
      alphas.append((index, alpha, curvature))
    }
    if let newest = alphas.first {
      let change = pairs[newest.pair].change
      let scale = newest.curvature / inner(change, change)
      for i in 0..<n { q[i] *= scale }
    }
    for entry in alphas.reversed() {
      let pair = pairs[entry.pair]
      let beta = inner(pair.change, q) / entry.curvature
      for i in 0..<n where free[i] { q[i] += (entry.alpha - beta) * pair.step[i] }
    }
    return q.map { -$0 }
  }
}
