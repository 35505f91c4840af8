// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Numerics
import Testing

@testable import Algorithms

/// The model against values that scikit-learn, scipy and mpmath computed.
@Suite struct GaussianProcessTests {
  static let axes: [ModelAxis] = [
    .continuous, .grid(positions: ReferenceValues.gridPositions), .categorical(count: 3),
  ]
  static let parameters = Hyperparameters(
    lengthScales: ReferenceValues.lengthScales, signalVariance: ReferenceValues.signalVariance,
    noiseVariance: ReferenceValues.noiseVariance)
  static let process = GaussianProcess(
    axes: axes, points: PointSet(ReferenceValues.points, on: axes),
    values: ReferenceValues.values)

  @Test func covariancesAreThoseOfMatern() {
    let kernel = MaternKernel(axes: Self.axes, parameters: Self.parameters)
    var none = Matrix(rows: 0, columns: 0)
    let covariance = kernel.covariance(Self.process.points, slopes: &none)
    for (i, expected) in ReferenceValues.firstCovariances.enumerated() {
      let noise = i == 0 ? ReferenceValues.noiseVariance : 0
      #expect(abs(covariance[i, 0] + noise - expected) < 1e-13)
    }
  }

  @Test func evidenceAndPriorAgreeWithScipy() {
    var none: [Double] = []
    let prior = GaussianProcess.negativeLogPrior(Self.parameters.logarithms, gradient: &none)
    #expect(abs(prior + ReferenceValues.logPrior) < 1e-12)
    let value = Self.process.negativeLogPosterior(
      logarithms: Self.parameters.logarithms, gradient: &none)
    #expect(abs(value + ReferenceValues.logEvidence + ReferenceValues.logPrior) < 1e-10)
  }

  @Test func posteriorAgreesWithScikitLearn() throws {
    let posterior = try #require(
      Posterior(Self.process, parameters: Self.parameters, measured: 14))
    #expect(abs(posterior.mean - ReferenceValues.mean) < 1e-12)
    let many = posterior.predict(PointSet(ReferenceValues.targets, on: Self.axes))
    let (means, deviations) = (many.means, many.deviations)
    for (i, target) in ReferenceValues.targets.enumerated() {
      #expect(abs(means[0, i] - ReferenceValues.posteriorMeans[i]) < 1e-12)
      let variance = deviations[i] * deviations[i]
      #expect(abs(variance - ReferenceValues.posteriorVariances[i]) < 1e-12)
      let local = posterior.predict(at: coordinates(target))
      #expect(abs(local.means[0] - means[0, i]) < 1e-12)
      #expect(abs(local.deviation - deviations[i]) < 1e-12)
    }
    // The shortcut for the mean at the data is the mean at the data.
    let atData = posterior.predict(Self.process.points).means
    for i in posterior.fitted.indices { #expect(abs(posterior.fitted[i] - atData[0, i]) < 1e-12) }
  }

  private func coordinates(_ point: [Double]) -> [Double] {
    point.indices.map { Self.axes[$0].coordinate(of: point[$0]) }
  }

  @Test func gradientOfThePosteriorDensityIsItsDerivative() {
    var random = RandomSource(seed: 11, purpose: "gradient test")
    for _ in 0..<5 {
      let at = (0..<5).map { _ in 3 * random.uniform() - 2 }
      var gradient = [Double](repeating: 0, count: 5)
      _ = Self.process.negativeLogPosterior(logarithms: at, gradient: &gradient)
      for d in at.indices {
        let derivative = centralDifference(at, d) { x in
          var none: [Double] = []
          return Self.process.negativeLogPosterior(logarithms: x, gradient: &none)
        }
        #expect(abs(derivative - gradient[d]) < 1e-6 * max(1, abs(derivative)), "axis \(d), \(at)")
      }
    }
  }

  /// Two starts of the fit may end in different modes; the result must be a mode, and the best
  /// start must win.
  @Test func fitEndsWhereTheGradientVanishes() throws {
    let parameters = try Self.process.fit(Work())
    var gradient = [Double](repeating: 0, count: 5)
    let value = Self.process.negativeLogPosterior(
      logarithms: parameters.logarithms, gradient: &gradient)
    #expect(gradient.allSatisfy { abs($0) < 2e-2 }, "\(gradient)")
    var none: [Double] = []
    let start = Hyperparameters(
      lengthScales: [0.355, 0.355, 0.355], signalVariance: 1, noiseVariance: 1e-3)
    #expect(
      value
        <= Self.process.negativeLogPosterior(logarithms: start.logarithms, gradient: &none))
  }

  /// With a function that is drawn from the model itself, the fit must come back to its
  /// parameters, as far as 80 points tell.
  @Test func fitRecoversTheScalesOfItsOwnData() throws {
    let axes: [ModelAxis] = [.continuous, .continuous]
    let truth = Hyperparameters(
      lengthScales: [0.2, 2], signalVariance: 1, noiseVariance: 1e-3)
    var random = RandomSource(seed: 5, purpose: "fit test")
    let points = (0..<80).map { _ in [random.uniform(), random.uniform()] }
    let set = PointSet(points, on: axes)
    var none = Matrix(rows: 0, columns: 0)
    var covariance = MaternKernel(axes: axes, parameters: truth).covariance(set, slopes: &none)
    for i in 0..<80 { covariance[i, i] += truth.noiseVariance }
    let factor = try #require(Cholesky(covariance))
    let normals = (0..<80).map { _ in Normal.quantile(random.uniformOpen()) }
    let values = (0..<80).map { i in
      (0...i).reduce(0.0) { $0 + factor[i, $1] * normals[$1] }
    }
    let found = try GaussianProcess(axes: axes, points: set, values: values).fit(Work())
    #expect((0.1...0.4).contains(found.lengthScales[0]), "\(found)")
    #expect(found.lengthScales[1] > 1, "\(found)")
    #expect((1e-4...1e-2).contains(found.noiseVariance), "\(found)")
  }
}

/// (f(x + h) − f(x − h)) / 2h along one axis.
func centralDifference(
  _ x: [Double], _ axis: Int, step: Double = 1e-5, _ f: ([Double]) -> Double
) -> Double {
  var high = x
  var low = x
  high[axis] += step
  low[axis] -= step
  return (f(high) - f(low)) / (2 * step)
}
