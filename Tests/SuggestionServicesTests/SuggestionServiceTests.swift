// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import CommonServices
import ExperimentModel
import GRPC
import KatibAPI
import Logging
import TestSupport
import Testing

@testable import SuggestionServices

/// The services over a real socket, with our own client.
@Suite struct SuggestionServiceTests {
  private static let suggest = "/api.v1.beta1.Suggestion/GetSuggestions"
  private static let validate = "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings"

  private static let rate = ParameterSpec(
    name: "rate", kind: .double, feasibleSpace: FeasibleSpace(minimum: "0.1", maximum: "0.9"))

  private func withClient<Result>(
    log: @escaping @Sendable (String) -> Void = { _ in },
    _ body: (Client) async throws -> Result
  ) async throws -> Result {
    var router = Router()
    var logger = Logger(label: "test") { _ in
      LineLogHandler(format: .json, level: .info, write: log)
    }
    logger.logLevel = .info
    let budget = MemoryBudget(bytes: 48 << 20)
    SuggestionService(
      registry: .standard, namespace: "kubeflow", budget: budget, logger: logger,
      drawSeed: { 77 }
    ).register(in: &router)
    let server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0), router: router,
      memoryBudget: budget)
    let port = try server.start().port
    let client = Client(HostPort(host: "127.0.0.1", port: port))
    defer {
      client.close()
      server.drain(grace: .seconds(1))
    }
    return try await body(client)
  }

  private func experiment(
    _ algorithm: String = "random", _ settings: [SettingText] = []
  ) -> Experiment {
    Experiment(
      name: "example", objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: settings, parameterSpecs: [SuggestionServiceTests.rate])
  }

  private func ask(
    _ client: Client, _ experiment: Experiment, trials: [TrialMessage] = [], current: Int,
    total: Int
  ) async throws -> GetSuggestionsReply {
    let arenas = ArenaPool()
    let request = GetSuggestionsRequest(
      experiment: experiment, trials: trials, currentRequestNumber: current,
      totalRequestNumber: total)
    let reply = try await client.unary(
      SuggestionServiceTests.suggest, OutgoingMessage(request.packed(using: arenas)),
      timeout: .seconds(30))
    return try reply.withUnsafeBytes { try GetSuggestionsReply(decoding: $0, using: arenas) }
  }

  @Test func suggestionsComeInTheNumberAskedForWithTheDrawnSeed() async throws {
    try await withClient { client in
      let reply = try await ask(client, experiment(), current: 3, total: 3)
      #expect(reply.suggestions.count == 3)
      #expect(reply.suggestions.allSatisfy { $0.assignments.map(\.name) == ["rate"] })
      #expect(reply.algorithmSettings == [SettingText(name: "random_state", value: "77")])
      // With the seed that came back nothing more is returned, and the points are the same.
      let again = try await ask(
        client, experiment("random", reply.algorithmSettings), current: 3, total: 3)
      #expect(again.suggestions == reply.suggestions)
      #expect(again.algorithmSettings.isEmpty)
    }
  }

  @Test func largeHistoriesGoThroughAWorker() async throws {
    try await withClient { client in
      let trials = (0..<3_000).map { i in
        TrialMessage(
          name: "example-\(i)", assignments: [Assignment(name: "rate", value: "0.\(i + 1000)")],
          startTime: "2026-01-02T03:04:05Z", conditionNumber: 2,
          metrics: [SettingText(name: "loss", value: "1")])
      }
      let reply = try await ask(
        client, experiment("sobol"), trials: trials, current: 2, total: 3_002)
      let direct = try await ask(client, experiment("sobol"), current: 2, total: 3_002)
      #expect(reply.suggestions.count == 2)
      #expect(reply.suggestions == direct.suggestions)
    }
  }

  @Test(arguments: [
    (-1, "current_request_number is -1"), (10_001, "current_request_number is 10001"),
  ])
  func countsOutOfRangeAreRefused(count: Int, message: String) async throws {
    try await withClient { client in
      let error = await #expect(throws: Status.self) {
        try await ask(client, experiment(), current: count, total: 0)
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }
  }

  @Test func validationRefusesWithInvalidArgumentAlone() async throws {
    let cases: [(Experiment, String)] = [
      (experiment("nonesuch"), "unknown algorithm name nonesuch"),
      (
        experiment("random", [SettingText(name: "sigma", value: "1")]),
        "unknown setting sigma for algorithm random"
      ),
      (experiment("grid"), "rate"),
    ]
    try await withClient { client in
      for (experiment, message) in cases {
        let request = ValidateAlgorithmSettingsRequest(experiment: experiment)
        let bytes = try request.packed(using: ArenaPool())
        let error = await #expect(throws: Status.self) {
          try await client.unary(SuggestionServiceTests.validate, OutgoingMessage(bytes))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      }
    }
  }

  @Test func oneLineTellsAnOperatorOfACall() async throws {
    let lines = LineLog()
    let append: @Sendable (String) -> Void = { lines.append($0) }
    try await withClient(log: append) { client in
      _ = try await ask(client, experiment(), current: 2, total: 7)
    }
    let line = lines.all.first { $0.contains("\"message\":\"GetSuggestions\"") } ?? ""
    for field in [
      "\"experiment\":\"example\"", "\"algorithm\":\"random\"", "\"trials\":\"0\"",
      "\"count\":\"2\"", "\"position\":\"5\"", "\"status\":\"ok\"", "\"ms\":",
    ] {
      #expect(line.contains(field), "\(line)")
    }
  }

  /// Its line used to have an empty experiment and algorithm, so that in a server for many people
  /// nobody could tell whose Experiment was stuck.
  @Test func theLineOfARefusalNamesTheExperiment() async throws {
    let lines = LineLog()
    let append: @Sendable (String) -> Void = { lines.append($0) }
    try await withClient(log: append) { client in
      for settings in [[SettingText(name: "random_state", value: "x")], []] {
        var wrong = experiment("random", settings)
        if settings.isEmpty { wrong.algorithmName = "nonesuch" }
        await #expect(throws: Status.self) {
          try await ask(client, wrong, current: 2, total: 7)
        }
      }
    }
    for algorithm in ["random", "nonesuch"] {
      let line = lines.all.first { $0.contains("\"algorithm\":\"\(algorithm)\"") } ?? ""
      for field in [
        "\"message\":\"GetSuggestions\"", "\"experiment\":\"example\"", "\"count\":\"2\"",
        "\"status\":\"invalidArgument\"", "\"error\":",
      ] {
        #expect(line.contains(field), "\(algorithm): \(lines.all)")
      }
    }
  }
}
