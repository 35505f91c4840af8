// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The standard normal distribution and its truncation to an interval, accurate in the far tails.
///
/// Parzen estimators and acquisition functions ask for the mass of an interval that lies dozens
/// of deviations from the centre, where the distribution function itself is 0 or 1 in double
/// precision. So every function that can underflow has a logarithmic twin, an interval is always
/// reflected into the lower tail first, and truncated variates come from the inverse of the
/// distribution function in log space, never from rejection.
///
/// What surprises: a mass is never formed as the difference of two almost equal numbers. Narrow
/// intervals use the Taylor series of the density, wide ones the difference of tails.
///
/// Sources: Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), for the quantile;
/// Abramowitz and Stegun 26.2.12 for the asymptotic tail.
public enum Normal {
  /// ln(2 pi) / 2
  public static let halfLogTwoPi = 0.918_938_533_204_672_74
  static let inverseSqrtTwo = 0.707_106_781_186_547_52
  /// Below this point erfc comes near the subnormal numbers; the asymptotic series takes over.
  static let asymptoticBelow = -30.0

  // MARK: - Density

  /// The density phi(x).
  public static func pdf(_ x: Double) -> Double {
    exp(logPdf(x))
  }

  /// ln phi(x) = -x^2 / 2 - ln(2 pi) / 2.
  @inlinable
  public static func logPdf(_ x: Double) -> Double {
    -0.5 * x * x - 0.918_938_533_204_672_74
  }

  // MARK: - Distribution function

  /// Phi(x), the probability below x. Relative accuracy holds in the lower tail as far as
  /// doubles reach (x = -38).
  public static func cdf(_ x: Double) -> Double {
    0.5 * erfc(-x * inverseSqrtTwo)
  }

  /// ln Phi(x), to full relative accuracy for every finite x, also at x = -1e6 and beyond.
  public static func logCdf(_ x: Double) -> Double {
    if x > 0 { return log1p(-0.5 * erfc(x * inverseSqrtTwo)) }
    if x > asymptoticBelow { return log(0.5 * erfc(-x * inverseSqrtTwo)) }
    // Phi(x) = phi(x) / |x| * (1 - 1/x^2 + 3/x^4 - 15/x^6 + ...); the terms fall below 1e-17
    // by the seventh for |x| >= 30.
    let t = 1 / (x * x)
    let series =
      t * (-1 + t * (3 + t * (-15 + t * (105 + t * (-945 + t * (10395 - t * 135_135))))))
    return logPdf(x) - log(-x) + log1p(series)
  }

  // MARK: - Quantile

  /// The x with Phi(x) = p: AS 241, relative accuracy about 1e-15.
  /// - Parameter p: a probability; 0 and 1 give -infinity and +infinity, others outside give NaN.
  public static func quantile(_ p: Double) -> Double {
    let q = p - 0.5
    if abs(q) <= 0.425 {
      let r = 0.180625 - q * q
      return q * AS241.central(r)
    }
    guard p > 0, p < 1 else {
      return p == 0 ? -.infinity : p == 1 ? .infinity : .nan
    }
    let tail = AS241.tail((-log(q < 0 ? p : 1 - p)).squareRoot())
    return q < 0 ? -tail : tail
  }

  /// The x with ln Phi(x) = `logProbability`; works where exp(logProbability) underflows.
  /// - Parameter logProbability: at most 0; 0 gives +infinity, -infinity gives -infinity.
  public static func quantile(logProbability: Double) -> Double {
    if logProbability > -0.693_147_180_559_945_3 {
      // The upper half: reflect, so that a probability next to 1 keeps its digits.
      return -quantile(-expm1(logProbability))
    }
    if logProbability > -300 { return quantile(exp(logProbability)) }
    guard logProbability > -.infinity else { return -.infinity }
    // Far tail: ln Phi(x) is nearly -x^2/2 - ln|x| - ln(2 pi)/2. Newton on ln Phi from there; its
    // derivative phi/Phi is nearly |x|, and two steps reach the last digits.
    let twice = -2 * logProbability - 2 * halfLogTwoPi
    var x = -(twice - log(twice)).squareRoot()
    for _ in 0..<3 {
      let value = logCdf(x)
      x -= (value - logProbability) / exp(logPdf(x) - value)
    }
    return x
  }

  // MARK: - Intervals

  /// ln(Phi(b) - Phi(a)), the log mass of [a, b], without cancellation.
  /// - Parameters:
  ///   - a: lower end, may be -infinity.
  ///   - b: upper end, may be +infinity.
  /// - Returns: -infinity when the interval is empty; never NaN for ordered ends.
  public static func logMass(from a: Double, to b: Double) -> Double {
    if a > 0 { return logMass(from: -b, to: -a) }
    guard a < b else { return -.infinity }
    let half = 0.5 * (b - a)
    let middle = 0.5 * (a + b)
    if half < 0.05 && half * abs(middle) < 0.05 {
      return logNarrowMass(middle: middle, half: half)
    }
    if b > 0 || a > -1 {
      return log(0.5 * (erf(b * inverseSqrtTwo) - erf(a * inverseSqrtTwo)))
    }
    if b > -5 {
      return log(0.5 * (erfc(-b * inverseSqrtTwo) - erfc(-a * inverseSqrtTwo)))
    }
    let upper = logCdf(b)
    return upper + logOneMinusExp(logCdf(a) - upper)
  }

  /// The series of the mass of [middle - half, middle + half] in Hermite polynomials:
  /// 2 h phi(m) sum over k of He_2k(m) h^2k / (2k + 1)!. Exact to the last digits for h and
  /// h |m| below 0.05.
  @inline(__always)
  static func logNarrowMass(middle: Double, half: Double) -> Double {
    let m2 = middle * middle
    let h2 = half * half
    let he2 = m2 - 1
    let he4 = (m2 - 6) * m2 + 3
    let he6 = ((m2 - 15) * m2 + 45) * m2 - 15
    let series = h2 * (he2 / 6 + h2 * (he4 / 120 + h2 * he6 / 5040))
    return logPdf(middle) + log(2 * half) + log1p(series)
  }

  /// The point of [a, b] below which the share `q` of the interval's mass lies: the inverse
  /// distribution function of the standard normal truncated to [a, b].
  /// - Parameters:
  ///   - q: in [0, 1]; a uniform variate gives a truncated normal one.
  ///   - a: lower end, may be -infinity.
  ///   - b: upper end, may be +infinity; at least `a`.
  /// - Returns: a value inside [a, b].
  public static func truncatedQuantile(_ q: Double, from a: Double, to b: Double) -> Double {
    if a > 0 { return -truncatedQuantile(1 - q, from: -b, to: -a) }
    guard a < b else { return a }
    if q <= 0 { return a }
    if q >= 1 { return b }
    let x: Double
    if b - a < 1e-6 && (b - a) * abs(a) < 1e-6 {
      x = a + q * (b - a)  // the density is constant over the interval
    } else if a > -5 {
      let below = cdf(a)
      let mass = 0.5 * (erf(b * inverseSqrtTwo) - erf(a * inverseSqrtTwo))
      // Count from the nearer end of the line, so that the upper tail keeps its digits.
      let p = below + q * mass
      x = p <= 0.5 ? quantile(p) : -quantile(cdf(-b) + (1 - q) * mass)
    } else {
      x = lowerTailQuantile(q, from: a, to: b)
    }
    return min(max(x, a), b)
  }

  /// `truncatedQuantile` where `a` lies far in the lower tail: everything in logarithms.
  private static func lowerTailQuantile(
    _ q: Double, from a: Double, to b: Double
  ) -> Double {
    let share = log(q) + logMass(from: a, to: b)
    let below = logCdf(a)
    let high = max(share, below)
    let target = high + log1p(exp(min(share, below) - high))
    if target > -0.5 {
      // Nearly everything lies below: count from above.
      let above = cdf(-b) + (1 - q) * exp(logMass(from: a, to: b))
      return -quantile(above)
    }
    return quantile(logProbability: target)
  }

  /// A normal variate of the given mean and deviation, truncated to [lower, upper], from one
  /// uniform variate `q`.
  public static func truncatedQuantile(
    _ q: Double, mean: Double, deviation: Double, from lower: Double, to upper: Double
  ) -> Double {
    let a = (lower - mean) / deviation
    let b = (upper - mean) / deviation
    let x = mean + deviation * truncatedQuantile(q, from: a, to: b)
    return min(max(x, lower), upper)
  }

  /// A standard normal variate from one draw of the source.
  public static func variate(using random: inout RandomSource) -> Double {
    quantile(random.uniformOpen())
  }

  /// ln(1 - e^x) for x < 0, the two-branch form of Mächler (2012).
  static func logOneMinusExp(_ x: Double) -> Double {
    x > -0.693_147_180_559_945_3 ? log(-expm1(x)) : log1p(-exp(x))
  }
}

/// The rational approximations of Wichura's PPND16.
private enum AS241 {
  /// |p - 1/2| <= 0.425; `r` = 0.180625 - (p - 1/2)^2.
  static func central(_ r: Double) -> Double {
    let a0 = 2509.0809287301226727 * r + 33430.575583588128105
    let a1 = (a0 * r + 67265.770927008700853) * r + 45921.953931549871457
    let a2 = (a1 * r + 13731.693765509461125) * r + 1971.5909503065514427
    let a = (a2 * r + 133.14166789178437745) * r + 3.387132872796366608
    let b0 = 5226.495278852545925 * r + 28729.085735721942674
    let b1 = (b0 * r + 39307.89580009271061) * r + 21213.794301586595867
    let b2 = (b1 * r + 5394.1960214247511077) * r + 687.1870074920579083
    let b = (b2 * r + 42.313330701600911252) * r + 1
    return a / b
  }

  /// `root` = sqrt(-ln of the smaller tail); gives the absolute value of the quantile.
  static func tail(_ root: Double) -> Double {
    if root <= 5 {
      let r = root - 1.6
      let c0 = 7.7454501427834140764e-4 * r + 0.0227238449892691845833
      let c1 = (c0 * r + 0.24178072517745061177) * r + 1.27045825245236838258
      let c2 = (c1 * r + 3.64784832476320460504) * r + 5.7694972214606914055
      let c = (c2 * r + 4.6303378461565452959) * r + 1.42343711074968357734
      let d0 = 1.05075007164441684324e-9 * r + 5.475938084995344946e-4
      let d1 = (d0 * r + 0.0151986665636164571966) * r + 0.14810397642748007459
      let d2 = (d1 * r + 0.68976733498510000455) * r + 1.6763848301838038494
      let d = (d2 * r + 2.05319162663775882187) * r + 1
      return c / d
    }
    let r = root - 5
    let e0 = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
    let e1 = (e0 * r + 0.0012426609473880784386) * r + 0.026532189526576123093
    let e2 = (e1 * r + 0.29656057182850489123) * r + 1.7848265399172913358
    let e = (e2 * r + 5.4637849111641143699) * r + 6.6579046435011037772
    let f0 = 2.04426310338993978564e-15 * r + 1.4215117583164458887e-7
    let f1 = (f0 * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4
    let f2 = (f1 * r + 0.0148753612908506148525) * r + 0.13692988092273580531
    let f = (f2 * r + 0.59983220655588793769) * r + 1
    return e / f
  }
}
