// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel

/// The algorithms that the server knows, by name. Adding one is adding its line.
public struct Registry: Sendable {
  public let algorithms: [any Algorithm]

  public static let standard = Registry([
    RandomSearch(),
    GridSearch(),
    SobolSearch(),
    TPESearch.tpe,
    TPESearch.multivariate,
    BayesianSearch(),
    CMAESSearch(),
    HyperbandSearch.hyperband,
    HyperbandSearch.asha,
    PopulationBasedTraining(),
    ENASSearch(),
    DARTSSearch(),
  ])

  public init(_ algorithms: [any Algorithm]) {
    self.algorithms = algorithms
  }

  /// - Throws: `InvalidExperiment` with the text that Katib's own tests compare.
  public func algorithm(named name: String) throws(InvalidExperiment) -> any Algorithm {
    guard let algorithm = algorithms.first(where: { $0.name == name }) else {
      throw InvalidExperiment("unknown algorithm name \(Quoted.shortened(name))")
    }
    return algorithm
  }
}
