// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Numerics

/// What makes a point worth a trial, as a function of the model's means (one per fantasy) and its
/// standard deviation there. Larger is better; the objective is minimised.
enum AcquisitionFunction: Sendable, Equatable {
  /// The logarithm of the expected improvement, averaged over the fantasies.
  case logExpectedImprovement
  /// The logarithm of the probability of improvement, averaged likewise.
  case logProbabilityOfImprovement
  /// Minus the lower confidence bound: κσ − μ.
  case confidenceBound(kappa: Double)
  /// Pure exploration where the optimum may still be: σ + 10 min(τ − μ + ½σ, 0), τ being the mean
  /// at the most promising known point (Song et al. 2024, "GP-UCB-PE").
  case exploration(threshold: Double)

  /// - Parameters:
  ///   - byMeans: filled in with the derivative by every mean; empty if not wanted.
  ///   - byDeviation: likewise.
  func value(
    means: ArraySlice<Double>, deviation: Double, incumbents: [Double],
    byMeans: inout [Double], byDeviation: inout Double
  ) -> Double {
    let share = 1 / Double(means.count)
    switch self {
    case .logExpectedImprovement, .logProbabilityOfImprovement:
      return logMeanImprovement(
        means: means, deviation: deviation, incumbents: incumbents, byMeans: &byMeans,
        byDeviation: &byDeviation)
    case .confidenceBound(let kappa):
      for m in byMeans.indices { byMeans[m] = -share }
      byDeviation = kappa
      return kappa * deviation - means.reduce(0, +) * share
    case .exploration(let threshold):
      let margin = threshold - means.reduce(0, +) * share + 0.5 * deviation
      for m in byMeans.indices { byMeans[m] = margin < 0 ? -10 * share : 0 }
      byDeviation = margin < 0 ? 6 : 1
      return deviation + 10 * min(margin, 0)
    }
  }

  /// ln of the mean over the fantasies of exp(ln h(z_m)), z_m = (f*_m − μ_m)/σ; for the expected
  /// improvement plus ln σ.
  private func logMeanImprovement(
    means: ArraySlice<Double>, deviation: Double, incumbents: [Double],
    byMeans: inout [Double], byDeviation: inout Double
  ) -> Double {
    let isExpected = self == .logExpectedImprovement
    let wantsGradient = !byMeans.isEmpty
    // A running log-sum-exp: one pass, no array.
    var largest = -Double.infinity
    var sum = 0.0
    var weightedZ = 0.0
    for (m, mean) in means.enumerated() {
      let z = (incumbents[m] - mean) / deviation
      let term = isExpected ? LogImprovement.expected(z) : LogImprovement.probability(z)
      if term.value > largest {
        let scale = exp(largest - term.value)
        sum *= scale
        weightedZ *= scale
        if wantsGradient { for earlier in 0..<m { byMeans[earlier] *= scale } }
        largest = term.value
      }
      let weight = exp(term.value - largest)
      sum += weight
      if wantsGradient {
        byMeans[m] = -weight * term.derivative / deviation
        weightedZ += weight * term.derivative * z
      }
    }
    if wantsGradient {
      for m in byMeans.indices { byMeans[m] /= sum }
      byDeviation = ((isExpected ? 1 : 0) - weightedZ / sum) / deviation
    }
    let average = largest + log(sum / Double(means.count))
    return isExpected ? log(deviation) + average : average
  }
}

/// Something whose maximum over the cube is the next suggestion.
protocol Acquisition {
  /// One number per point, never NaN.
  func values(_ points: [[Double]], on axes: [ModelAxis]) -> [Double]
  /// How fast the function changes along each axis: the optimiser's unit of length. Nil where the
  /// function has no gradient.
  var lengthScales: [Double]? { get }
  /// The value at model coordinates and its gradient along the axes that have one.
  func value(at coordinates: [Double], gradient: inout [Double]) -> Double
  /// The cost of one evaluation in the units of ``Work``.
  var cost: Int { get }
}

/// An acquisition function over a Gaussian process, divided by the expected duration of a trial if
/// there is a model of ln seconds: E[1/t] = exp(−μ_t + ½σ_t²).
struct GaussianAcquisition: Acquisition {
  let function: AcquisitionFunction
  let posterior: Posterior
  let logDuration: Posterior?

  var lengthScales: [Double]? { posterior.kernel.parameters.lengthScales }

  var cost: Int {
    let n = posterior.points.count
    return n * (30 + 2 * lengthScalesCount) + n * n / 2 + posterior.fantasies * (80 + n / 4)
  }

  private var lengthScalesCount: Int { posterior.kernel.weights.count }

  func values(_ points: [[Double]], on axes: [ModelAxis]) -> [Double] {
    let set = PointSet(points, on: axes)
    let (means, deviations) = posterior.predict(set)
    let durations = logDuration?.predict(set)
    var unused: [Double] = []
    var byDeviation = 0.0
    return points.indices.map { i in
      let column = means.elements[i * means.rows..<(i + 1) * means.rows]
      var value = function.value(
        means: column, deviation: deviations[i], incumbents: posterior.incumbents,
        byMeans: &unused, byDeviation: &byDeviation)
      if let durations {
        let deviation = durations.deviations[i]
        value += 0.5 * deviation * deviation - durations.means[0, i]
      }
      return value.isNaN ? -.infinity : value
    }
  }

  func value(at coordinates: [Double], gradient: inout [Double]) -> Double {
    for d in gradient.indices { gradient[d] = 0 }
    let local = posterior.predict(at: coordinates)
    var byMeans = [Double](repeating: 0, count: posterior.fantasies)
    var byDeviation = 0.0
    var value = function.value(
      means: local.means[...], deviation: local.deviation, incumbents: posterior.incumbents,
      byMeans: &byMeans, byDeviation: &byDeviation)
    posterior.addGradient(local, byMeans: byMeans, byDeviation: byDeviation, to: &gradient)
    if let logDuration {
      let local = logDuration.predict(at: coordinates)
      value += 0.5 * local.deviation * local.deviation - local.means[0]
      logDuration.addGradient(
        local, byMeans: [-1], byDeviation: local.deviation, to: &gradient)
    }
    return value
  }
}
