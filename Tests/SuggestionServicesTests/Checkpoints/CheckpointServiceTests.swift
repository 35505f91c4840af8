// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import CommonServices
import ExperimentModel
import GRPC
import Glibc
import KatibAPI
import Logging
import Synchronization
import TestSupport
import Testing

@testable import SuggestionServices

/// An algorithm whose trials keep checkpoints, over a real socket.
@Suite struct CheckpointServiceTests {
  private static let suggest = "/api.v1.beta1.Suggestion/GetSuggestions"
  private static let validate = "/api.v1.beta1.Suggestion/ValidateAlgorithmSettings"

  private func withClient<Result>(
    root: String, log: LineLog = LineLog(), drawSeed: @escaping @Sendable () -> UInt64 = { 77 },
    _ body: (Client) async throws -> Result
  ) async throws -> Result {
    var router = Router()
    var logger = Logger(label: "test") { _ in
      LineLogHandler(format: .json, level: .info) { log.append($0) }
    }
    logger.logLevel = .info
    let budget = MemoryBudget(bytes: 48 << 20)
    SuggestionService(
      registry: .standard, namespace: "kubeflow", checkpoints: CheckpointVolume(root: root),
      budget: budget, logger: logger, drawSeed: drawSeed
    ).register(in: &router)
    let server = Server(
      configuration: ServerConfiguration(host: "127.0.0.1", port: 0), router: router,
      memoryBudget: budget)
    let client = Client(try server.start())
    defer {
      client.close()
      server.drain(grace: .seconds(1))
    }
    return try await body(client)
  }

  private func experiment(_ algorithm: String = "pbt", name: String = "example") -> Experiment {
    Experiment(
      name: name, objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: algorithm == "pbt"
        ? [
          SettingText(name: "suggestion_trial_dir", value: "/checkpoint"),
          SettingText(name: "n_population", value: "5"),
          SettingText(name: "truncation_threshold", value: "0.2"),
        ] : [],
      parameterSpecs: [
        ParameterSpec(
          name: "rate", kind: .double,
          feasibleSpace: FeasibleSpace(minimum: "0.1", maximum: "0.9"))
      ])
  }

  private func ask(
    _ client: Client, _ experiment: Experiment, trials: [TrialMessage] = [], current: Int
  ) async throws -> GetSuggestionsReply {
    let arenas = ArenaPool()
    let request = GetSuggestionsRequest(
      experiment: experiment, trials: trials, currentRequestNumber: current,
      totalRequestNumber: trials.count + current)
    let reply = try await client.unary(
      CheckpointServiceTests.suggest, OutgoingMessage(request.packed(using: arenas)),
      timeout: .seconds(30))
    return try reply.withUnsafeBytes { try GetSuggestionsReply(decoding: $0, using: arenas) }
  }

  private func validate(_ client: Client, _ experiment: Experiment) async throws {
    let bytes = try ValidateAlgorithmSettingsRequest(experiment: experiment)
      .packed(using: ArenaPool())
    _ = try await client.unary(CheckpointServiceTests.validate, OutgoingMessage(bytes))
  }

  @Test func foldersStandWhenTheReplyArrives() async throws {
    let fixture = VolumeFixture()
    let log = LineLog()
    try await withClient(root: fixture.root, log: log) { client in
      try await validate(client, experiment())
      let first = try await ask(client, experiment(), current: 5)
      let names = first.suggestions.map(\.trialName)
      #expect(fixture.names("example") == ([".incomplete"] + names).sorted())
      for name in names { fixture.write(name, to: "example/\(name)/model") }

      var seeded = experiment()
      seeded.algorithmSettings += first.algorithmSettings
      let trials = zip(first.suggestions, 0...).map { suggestion, i in
        TrialMessage(
          name: suggestion.trialName, assignments: suggestion.assignments,
          startTime: "2026-01-02T03:04:05Z", completionTime: "2026-01-02T03:05:0\(i)Z",
          conditionNumber: 2, metrics: [SettingText(name: "loss", value: "\(i)")])
      }
      let second = try await ask(client, seeded, trials: trials, current: 5)
      let label = "pbt.suggestion.katib.kubeflow.org/parent"
      for suggestion in second.suggestions {
        let parent = suggestion.labels.first { $0.name == label }?.value ?? "?"
        #expect(names.contains(parent))
        #expect(
          fixture.contents("example/" + suggestion.trialName)
            == fixture.contents("example/" + parent))
      }
      let line = log.all.last { $0.contains("\"message\":\"GetSuggestions\"") } ?? ""
      for field in ["\"folders\":\"5\"", "\"copiedBytes\":\"\(5 * names[0].utf8.count)\""] {
        #expect(line.contains(field), "\(line)")
      }
    }
  }

  @Test func withoutAVolumeBothCallsSayWhatIsMissing() async throws {
    try await withClient(root: "/nonexistent/data") { client in
      let invalid = await #expect(throws: Status.self) { try await validate(client, experiment()) }
      #expect(invalid?.code == .invalidArgument)
      let failed = await #expect(throws: Status.self) {
        try await ask(client, experiment(), current: 1)
      }
      #expect(failed?.code == .failedPrecondition)
      for message in [invalid?.message ?? "", failed?.message ?? ""] {
        #expect(
          message.contains("/nonexistent/data") && message.contains("FromVolume"), "\(message)")
      }
      // Nobody else needs one.
      try await validate(client, experiment("random"))
      #expect(try await ask(client, experiment("random"), current: 1).suggestions.count == 1)
    }
  }

  @Test(arguments: ["../escape", "a/b", "", "."])
  func namesThatArePathsAreRefused(name: String) async throws {
    let fixture = VolumeFixture()
    try await withClient(root: fixture.root) { client in
      for call in [
        { try await validate(client, experiment(name: name)) },
        { _ = try await ask(client, experiment(name: name), current: 1) },
      ] {
        let error = await #expect(throws: Status.self) { try await call() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("Experiment's name") == true, "\(error?.message ?? "")")
      }
    }
    #expect(fixture.names("").isEmpty && access(fixture.outside, F_OK) != 0)
  }

  /// A volume of the network may take its time: the I/O thread must not wait for it.
  @Test func theVolumeIsNotTouchedOnTheIOThread() async throws {
    let fixture = VolumeFixture()
    let threads = Mutex<[pthread_t]>([])
    let seed: @Sendable () -> UInt64 = {
      threads.withLock { $0.append(pthread_self()) }
      return 1
    }
    try await withClient(root: fixture.root, drawSeed: seed) { client in
      for name in ["random", "pbt", "random", "pbt"] {
        _ = try await ask(client, experiment(name), current: 1)
      }
    }
    let seen = threads.withLock { $0 }
    #expect(seen.count == 4 && seen[0] == seen[2], "random is answered on the I/O thread")
    #expect(seen[1] != seen[0] && seen[3] != seen[0])
  }
}
