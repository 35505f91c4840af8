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

  /// By how much a point must be better to count for the probability of improvement, in standard
  /// deviations of the objective. Without a margin the most certain improvement is a step of nothing
  /// beside the best point; scikit-optimize's 0.01 is too little where half of the values are warped
  /// onto their ranks (docs/ablations-bayesianoptimization.md).
  private static let margin = 0.1

  /// Whether the value is the logarithm of what is to be averaged over models.
  var isLogarithm: Bool {
    self == .logExpectedImprovement || self == .logProbabilityOfImprovement
  }

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
    }
  }

  /// ln of the mean over the fantasies of exp(ln h(z_m)), z_m = (f*_m − μ_m)/σ; for the expected
  /// improvement plus ln σ, for the probability of improvement with f*_m less the margin.
  private func logMeanImprovement(
    means: ArraySlice<Double>, deviation: Double, incumbents: [Double],
    byMeans: inout [Double], byDeviation: inout Double
  ) -> Double {
    let isExpected = self == .logExpectedImprovement
    let wantsGradient = !byMeans.isEmpty
    let margin = isExpected ? 0 : AcquisitionFunction.margin
    // A running log-sum-exp: one pass, no array.
    var largest = -Double.infinity
    var sum = 0.0
    var weightedZ = 0.0
    for (m, mean) in means.enumerated() {
      let z = (incumbents[m] - margin - mean) / deviation
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

/// An acquisition function over Gaussian processes, averaged over them, and divided by the expected
/// duration of a trial if there is a model of ln seconds: E[1/t] = exp(−μ_t + ½σ_t²).
///
/// The processes share the data and differ in their hyperparameters; averaging the acquisition is
/// what integrating over the hyperparameters amounts to (Snoek, Larochelle and Adams, NeurIPS
/// 2012). Improvements are averaged as such, not their logarithms.
struct GaussianAcquisition: Acquisition {
  let function: AcquisitionFunction
  let models: [Posterior]
  /// The weight of each model; the sum is 1.
  let shares: [Double]
  let logDuration: Posterior?

  var lengthScales: [Double]? { models[0].kernel.parameters.lengthScales }

  var cost: Int {
    let n = models[0].points.count
    let one =
      n * (30 + 2 * models[0].kernel.weights.count) + n * n / 2
      + models[0].fantasies * (80 + n / 4)
    return models.count * one
  }

  func values(_ points: [[Double]], on axes: [ModelAxis]) -> [Double] {
    let set = PointSet(points, on: axes)
    let byModel = models.map { model in
      let many = model.predict(set)
      var unused: [Double] = []
      var byDeviation = 0.0
      return points.indices.map { i in
        function.value(
          means: many.means.elements[i * many.means.rows..<(i + 1) * many.means.rows],
          deviation: many.deviations[i], incumbents: model.incumbents, byMeans: &unused,
          byDeviation: &byDeviation)
      }
    }
    let durations = logDuration?.predict(set)
    return points.indices.map { i in
      var value = average(byModel.map { $0[i] }).value
      if let durations { value += durations.logOfInverse(at: i) }
      return value.isNaN ? -.infinity : value
    }
  }

  func value(at coordinates: [Double], gradient: inout [Double]) -> Double {
    var gradients: [[Double]] = []
    let values = models.map { model in
      var own = [Double](repeating: 0, count: gradient.count)
      let local = model.predict(at: coordinates)
      var byMeans = [Double](repeating: 0, count: model.fantasies)
      var byDeviation = 0.0
      let value = function.value(
        means: local.means[...], deviation: local.deviation, incumbents: model.incumbents,
        byMeans: &byMeans, byDeviation: &byDeviation)
      model.addGradient(local, byMeans: byMeans, byDeviation: byDeviation, to: &own)
      gradients.append(own)
      return value
    }
    var (value, weights) = average(values)
    for d in gradient.indices {
      gradient[d] = weights.indices.reduce(0) { $0 + weights[$1] * gradients[$1][d] }
    }
    if let logDuration {
      let local = logDuration.predict(at: coordinates)
      value += 0.5 * local.deviation * local.deviation - local.means[0]
      logDuration.addGradient(
        local, byMeans: [-1], byDeviation: local.deviation, to: &gradient)
    }
    return value
  }

  /// The average over the models and its derivative by each model's value.
  private func average(_ values: [Double]) -> (value: Double, weights: [Double]) {
    if values.count == 1 { return (values[0], [1]) }
    guard function.isLogarithm else {
      return (dot(values, shares), shares)
    }
    let top = values.reduce(-Double.infinity) { max($0, $1) }
    guard top.isFinite else { return (top, shares) }
    let terms = values.indices.map { shares[$0] * exp(values[$0] - top) }
    let sum = terms.reduce(0, +)
    return (top + log(sum), terms.map { $0 / sum })
  }
}
