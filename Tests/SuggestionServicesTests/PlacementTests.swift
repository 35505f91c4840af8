// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import ExperimentModel
import KatibAPI
import Logging
import TestSupport
import Testing

@testable import GRPC
@testable import SuggestionServices

/// What the I/O thread does itself, while it serves nobody else.
@Suite struct PlacementTests {
  private func placement(_ request: GetSuggestionsRequest) throws -> Placement {
    var router = Router()
    SuggestionService(
      registry: .standard, namespace: "kubeflow", budget: MemoryBudget(bytes: 48 << 20),
      logger: Logger(label: "test")
    ).register(in: &router)
    let path = Array("/api.v1.beta1.Suggestion/GetSuggestions".utf8)
    let route = try #require(path.withUnsafeBufferPointer { router.route($0) })
    guard case .unary(let placement, _) = route.kind else {
      Issue.record("not unary")
      return .worker
    }
    return try request.packed(using: ArenaPool()).withUnsafeBytes { placement($0) }
  }

  private func experiment(parameters: Int) -> Experiment {
    Experiment(
      name: "example", objective: Objective(metricName: "loss"), algorithmName: "cmaes",
      parameterSpecs: (0..<parameters).map { .double("p\($0)", "0", "1") })
  }

  /// Requests of a few kilobytes held everybody up for 60 ms each: 420 parameters, a network, or a later
  /// request, for which all suggestions before it are made again.
  @Test(arguments: [
    (1, 1, 1, Placement.inline), (5, 16, 16, .inline), (5, 16, 0, .inline), (200, 1, 1, .inline),
    (201, 1, 1, .worker), (20, 16, 16, .worker), (5, 17, 17, .worker), (5, 1, 2, .worker),
    (5, 2, 1, .inline),
  ])
  func whatIsDoneOnTheIOThread(
    parameters: Int, count: Int, total: Int, expected: Placement
  ) throws {
    let request = GetSuggestionsRequest(
      experiment: experiment(parameters: parameters), currentRequestNumber: count,
      totalRequestNumber: total)
    #expect(try placement(request) == expected)
  }

  @Test func networksAreWorkForAWorker() throws {
    var network = experiment(parameters: 1)
    network.neuralArchitecture = NeuralArchitecture(
      layerCount: 3, inputSizes: [32, 32, 3], outputSizes: [10], operations: [])
    #expect(
      try placement(GetSuggestionsRequest(experiment: network, currentRequestNumber: 1)) == .worker)
  }
}
