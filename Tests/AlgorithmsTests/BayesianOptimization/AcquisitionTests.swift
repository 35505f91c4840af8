// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Numerics
import Testing

@testable import Algorithms

@Suite struct AcquisitionTests {
  static let functions: [AcquisitionFunction] = [
    .logExpectedImprovement, .logProbabilityOfImprovement, .confidenceBound(kappa: 1.8),
  ]

  private func posterior(
    pending: [[Double]], parameters: Hyperparameters = GaussianProcessTests.parameters
  ) throws -> Posterior {
    var posterior = try #require(
      Posterior(GaussianProcessTests.process, parameters: parameters, measured: 14))
    var random = RandomSource(seed: 2, purpose: "acquisition test")
    for point in pending {
      let coordinates = point.indices.map {
        GaussianProcessTests.axes[$0].coordinate(of: point[$0])
      }
      posterior.addPending(
        coordinates, normals: (0..<16).map { _ in Normal.quantile(random.uniformOpen()) })
    }
    return posterior
  }

  @Test(arguments: functions, [[], [[0.4, 1, 0]], [[0.4, 1, 0], [0.9, 3, 2]]])
  func gradientIsTheDerivative(function: AcquisitionFunction, pending: [[Double]]) throws {
    let other = Hyperparameters(
      lengthScales: [0.2, 1.1, 0.6], signalVariance: 1, noiseVariance: 0.1)
    let models = [
      try posterior(pending: pending), try posterior(pending: pending, parameters: other),
    ]
    for (models, shares) in [([models[0]], [1.0]), (models, [0.7, 0.3])] {
      let acquisition = GaussianAcquisition(
        function: function, models: models, shares: shares,
        logDuration: shares.count == 1 ? nil : try posterior(pending: []))
      for point in [[0.15, 0.6, 1], [0.72, 0.2, 0], [0.41, 0.1, 2]] {
        var gradient = [0.0, 0, 0]
        _ = acquisition.value(at: point, gradient: &gradient)
        #expect(gradient[2] == 0, "a categorical axis has no derivative")
        for d in 0..<2 {
          let difference = centralDifference(point, d) { x in
            var unused = [0.0, 0, 0]
            return acquisition.value(at: x, gradient: &unused)
          }
          #expect(
            abs(difference - gradient[d]) < 1e-5 * max(1, abs(difference)),
            "\(function) at \(point), axis \(d)")
        }
      }
    }
  }

  @Test(arguments: functions)
  func manyPointsAtOnceGiveTheSameAsOneByOne(function: AcquisitionFunction) throws {
    let acquisition = GaussianAcquisition(
      function: function, models: [try posterior(pending: [[0.4, 1, 0]])], shares: [1],
      logDuration: nil)
    let values = acquisition.values(ReferenceValues.targets, on: GaussianProcessTests.axes)
    for (i, target) in ReferenceValues.targets.enumerated() {
      var unused = [0.0, 0, 0]
      let coordinates = target.indices.map {
        GaussianProcessTests.axes[$0].coordinate(of: target[$0])
      }
      #expect(abs(acquisition.value(at: coordinates, gradient: &unused) - values[i]) < 1e-10)
    }
  }

  /// A pending point is worth nothing more, and its neighbourhood less than before.
  @Test func pendingPointsAreAvoided() throws {
    let free = GaussianAcquisition(
      function: .logExpectedImprovement, models: [try posterior(pending: [])], shares: [1],
      logDuration: nil)
    let busy = GaussianAcquisition(
      function: .logExpectedImprovement, models: [try posterior(pending: [[0.4, 1, 0]])],
      shares: [1], logDuration: nil)
    let points = [[0.4, 1, 0], [0.42, 1, 0]]
    let before = free.values(points, on: GaussianProcessTests.axes)
    let after = busy.values(points, on: GaussianProcessTests.axes)
    #expect(after[0] < before[0] - 3)
    #expect(after[1] < before[1])
  }

  /// A value that arrives later: the deviations are those of a model that had it from the start,
  /// and the mean moves by the Kalman gain.
  @Test func anObservationIsTheSameLaterAsSooner() throws {
    let process = GaussianProcessTests.process
    let fewer = GaussianProcess(
      axes: process.axes,
      points: PointSet(Array(ReferenceValues.points.dropLast()), on: process.axes),
      values: Array(process.values.dropLast()))
    let parameters = GaussianProcessTests.parameters
    var grown = try #require(Posterior(fewer, parameters: parameters, measured: 13))
    let last = process.points.coordinates(of: 13)
    let before = grown.predict(at: last)
    grown.addObservation(last, value: process.values[13])
    let targets = PointSet(ReferenceValues.targets, on: process.axes)
    let whole = try posterior(pending: []).predict(targets).deviations
    let later = grown.predict(targets).deviations
    for i in later.indices { #expect(abs(later[i] - whole[i]) < 1e-12) }
    let variance = before.deviation * before.deviation
    let gain = variance / (variance + parameters.noiseVariance)
    let expected = before.means[0] + gain * (process.values[13] - before.means[0])
    #expect(abs(grown.predict(at: last).means[0] - expected) < 1e-12)
  }

  /// Fantasies are joint draws from the posterior: their mean and covariance must be the model's.
  @Test func fantasiesHaveTheMomentsOfThePosterior() throws {
    let count = 4096
    let base = try posterior(pending: [])
    var model = base
    let sobol = SobolSequence(dimension: 2, seed: 9)
    let pending = [[0.3, 0.8, 1], [0.35, 0.8, 1]]
    for (j, coordinates) in pending.enumerated() {
      model.addPending(
        coordinates,
        normals: (0..<count).map { Normal.quantile(sobol.point(at: UInt64($0))[j]) })
    }
    // The mean at a pending point is, up to the nugget, what was drawn there.
    let draws = pending.map { model.predict(at: $0).means }
    for j in 0..<2 {
      let expected = base.predict(at: pending[j])
      let mean = draws[j].reduce(0, +) / Double(count)
      let variance = draws[j].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
      #expect(abs(mean - expected.means[0]) < 0.01)
      #expect(abs(variance.squareRoot() / expected.deviation - 1) < 0.02)
    }
    // Neighbours vary together.
    var together = 0.0
    let means = draws.map { $0.reduce(0, +) / Double(count) }
    for m in 0..<count {
      together += (draws[0][m] - means[0]) * (draws[1][m] - means[1]) / Double(count)
    }
    let product = base.predict(at: pending[0]).deviation * base.predict(at: pending[1]).deviation
    #expect(together / product > 0.8)
  }
}
