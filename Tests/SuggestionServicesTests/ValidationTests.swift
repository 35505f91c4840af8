// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import CommonServices
import Dispatch
import ExperimentModel
import KatibAPI
import Logging
import TestSupport
import Testing

@testable import GRPC
@testable import SuggestionServices

/// Validation while the server has better things to do. Katib's controller takes every code but
/// INVALID_ARGUMENT and UNKNOWN for a yes, and tries again on UNAVAILABLE alone: an answer like
/// RESOURCE_EXHAUSTED lets an invalid Experiment pass, and its suggestions are then refused for ever.
@Suite struct ValidationTests {
  private static let rate = ParameterSpec.double("rate", "0.1", "0.9")
  private static let crossed = ParameterSpec.double("crossed", "5", "1")
  private static let pbt = [SettingText].of([
    "suggestion_trial_dir": "/checkpoint", "n_population": "5", "truncation_threshold": "0.2",
  ])

  private static func experiment(
    _ algorithm: String, _ parameters: [ParameterSpec], _ settings: [SettingText] = []
  ) -> Experiment {
    Experiment(
      name: "example", objective: Objective(metricName: "loss"), algorithmName: algorithm,
      algorithmSettings: settings, parameterSpecs: parameters)
  }

  private static func packed(_ experiment: Experiment) throws -> [UInt8] {
    try ValidateAlgorithmSettingsRequest(experiment: experiment).packed(using: ArenaPool())
  }

  /// A list of so many bytes.
  private static func list(bytes: Int) -> ParameterSpec {
    .categorical("list", (0..<bytes / 12).map { "v" + String(1_000_000_000 + $0) })
  }

  /// Serves with one worker, which `drawSeed` may hold up.
  private func withClient(
    budget: MemoryBudget = MemoryBudget(bytes: 48 << 20),
    drawSeed: @escaping @Sendable () -> UInt64 = { 1 }, _ body: (Client) async throws -> Void
  ) async throws {
    let volume = VolumeFixture()
    var router = Router()
    var logger = Logger(label: "test") { _ in
      LineLogHandler(format: .text, level: .critical) { _ in }
    }
    logger.logLevel = .critical
    SuggestionService(
      registry: .standard, namespace: "kubeflow", checkpoints: CheckpointVolume(root: volume.root),
      budget: budget, logger: logger, drawSeed: drawSeed
    ).register(in: &router)
    let server = Server(
      configuration: ServerConfiguration(
        host: "127.0.0.1", port: 0, workers: 1, queueDepth: 1), router: router,
      memoryBudget: budget)
    let client = Client(try server.start())
    defer {
      client.close()
      server.drain(grace: .seconds(1))
    }
    try await body(client)
  }

  private func validate(_ client: Client, _ bytes: [UInt8]) async -> Status {
    await call(client, "ValidateAlgorithmSettings", bytes)
  }

  private func call(_ client: Client, _ method: String, _ bytes: [UInt8]) async -> Status {
    do {
      _ = try await client.unary(
        "/api.v1.beta1.Suggestion/\(method)", OutgoingMessage(bytes), timeout: .seconds(30))
      return .ok
    } catch {
      return error
    }
  }

  /// Before, only Experiments of at most 8 KiB without the letters "pbt" anywhere were looked at
  /// without a worker; every other one was told RESOURCE_EXHAUSTED when there was none.
  @Test func aBusyServerRefusesWhatIsInvalid() async throws {
    let gate = DispatchSemaphore(value: 0)
    let hold: @Sendable () -> UInt64 = {
      gate.wait()
      return 1
    }
    let request = try GetSuggestionsRequest(
      experiment: Self.experiment("random", [Self.rate]),
      currentRequestNumber: ServiceLimits.inlineSuggestions + 1
    ).packed(using: ArenaPool())
    try await withClient(drawSeed: hold) { client in
      try await withThrowingTaskGroup(of: Status.self) { group in
        for _ in 0..<3 {
          group.addTask {
            await call(client, "GetSuggestions", request)
          }
        }
        // One runs, one waits, and what needs a worker besides is turned away. Validation has a
        // thread for what the I/O thread should not do.
        #expect(try await group.next()?.code == .resourceExhausted)
        let valid = Self.experiment("pbt", [Self.rate], Self.pbt)
        #expect(await validate(client, try Self.packed(valid)) == .ok)

        for (experiment, message) in [
          (Self.experiment("random", [Self.list(bytes: 11_000), Self.crossed]), "crossed"),
          (Self.experiment("random", [Self.list(bytes: 900_000), Self.crossed]), "crossed"),
          (Self.experiment("pbt", [Self.rate]), "suggestion_trial_dir"),
          (Self.experiment("pbt", [Self.crossed], Self.pbt), "crossed"),
          (Self.experiment("random", [.double("pbt_x", "5", "1")]), "pbt_x"),
          (Self.experiment("pbt_x", [Self.rate]), "unknown algorithm name pbt_x"),
        ] {
          let status = await validate(client, try Self.packed(experiment))
          #expect(status.code == .invalidArgument, "\(status)")
          #expect(status.message.contains(message), "\(status)")
        }
        for experiment in [
          Self.experiment("random", [Self.rate]),
          Self.experiment("random", [Self.list(bytes: 900_000)]),
          Self.experiment("random", [.double("pbt_x", "1", "5")]),
        ] {
          #expect(await validate(client, try Self.packed(experiment)) == .ok)
        }
        // More than Katib can hold.
        let large = Self.experiment("random", [Self.list(bytes: 2 << 20), Self.crossed])
        #expect(await validate(client, try Self.packed(large)).code == .invalidArgument)
        for _ in 0..<2 { gate.signal() }
        while let status = try await group.next() { #expect(status == .ok) }
      }
    }
  }

  /// 64 KiB held the I/O thread for up to a second, and twenty clients of one of them kept probes
  /// waiting for half a minute. What is checked twice counts twice.
  @Test func onlySmallExperimentsAreValidatedOnTheIOThread() throws {
    var router = Router()
    SuggestionService(
      registry: .standard, namespace: "kubeflow",
      checkpoints: CheckpointVolume(root: VolumeFixture().root),
      budget: MemoryBudget(bytes: 48 << 20), logger: Logger(label: "test")
    ).register(in: &router)
    let path = Array("/api.v1.beta1.Suggestion/ValidateAlgorithmSettings".utf8)
    let route = try #require(path.withUnsafeBufferPointer { router.route($0) })
    #expect(route.traits.isShort && route.traits.overload == .unavailable)
    guard case .unary(let placement, _) = route.kind else {
      Issue.record("not unary")
      return
    }
    for (experiment, expected) in [
      (Self.experiment("random", [Self.rate]), Placement.inline),
      (Self.experiment("random", [Self.list(bytes: 11_000), Self.crossed]), .inline),
      (Self.experiment("random", [Self.list(bytes: 20_000), Self.crossed]), .worker),
      (Self.experiment("pbt", [Self.crossed], Self.pbt), .inline),
      (Self.experiment("pbt", [Self.rate], Self.pbt), .worker),
      (Self.experiment("pbt", [Self.list(bytes: 11_000), Self.crossed], Self.pbt), .worker),
    ] {
      let bytes = try Self.packed(experiment)
      #expect(bytes.withUnsafeBytes { placement($0) } == expected, "\(bytes.count) bytes")
    }
  }

  /// INTERNAL, which these had, is a yes as well.
  @Test(
    arguments: [
      [0x0a, 0xff], [0xff, 0xff, 0xff], [0x0a, 0x04, 0x0a, 0x02, 0xff, 0xfe],
      [0x0a, 0x02, 0x0a, 0x03],
      [0x0a, 0x03, 0x0a, 0x01, 0x00],
    ] as [[UInt8]])
  func whatIsNoMessageIsNoValidExperiment(bytes: [UInt8]) async throws {
    try await withClient { client in
      #expect(await validate(client, bytes).code == .invalidArgument)
    }
  }

  /// Empty parameters: 2 bytes each on the wire, and more in memory than is had without asking.
  @Test func memoryThatIsShortIsNoRefusal() async throws {
    let many = Self.experiment("random", []).parameters(1_900)
    let bytes = try Self.packed(many)
    #expect(bytes.count < 4_096, "so that the transport does not ask for memory")
    let budget = MemoryBudget(bytes: 48 << 20)
    try await withClient(budget: budget) { client in
      #expect(budget.reserve(48 << 20))
      #expect(await validate(client, bytes).code == .unavailable)
      budget.release(48 << 20)
      let status = await validate(client, bytes)
      #expect(status.code == .invalidArgument && status.message.contains("empty name"))
    }
  }

  /// The controller asks for parallel_trial_count suggestions at once. Validation did not look at it:
  /// 20,000 passed and then every call was refused, and 1,500 of 100 parameters were answered with
  /// more than the 4 MiB that the controller takes.
  @Test func whatNoReplyCanBringIsRefused() async throws {
    let hundred = (0..<100).map { ParameterSpec.double("parameter\($0 + 100)", "0", "1") }
    let huge = ParameterSpec.categorical("huge", [String(repeating: "x", count: 5 << 20)])
    try await withClient { client in
      for (parameters, count, parts) in [
        ([Self.rate], 20_000, ["parallel_trial_count is 20000", "at most 10000"]),
        ([Self.rate], 10_001, ["parallel_trial_count is 10001", "at most 10000"]),
        (hundred, 3_000, ["parallel_trial_count is 3000", "at most 848"]),
        (hundred, 1_500, ["parallel_trial_count is 1500", "at most 848"]),
        ([huge], 0, ["one suggestion could take", "5242960"]),
      ] as [([ParameterSpec], Int, [String])] {
        var experiment = Self.experiment("random", parameters)
        experiment.parallelTrialCount = count
        let status = await validate(client, try Self.packed(experiment))
        #expect(status.code == .invalidArgument)
        for part in parts { #expect(status.message.contains(part), "\(status)") }
      }
    }
  }

  /// A reply of 5.4 MB was sent to controllers that take 4 MiB. Others may ask for more than a
  /// parallelism that passes validation, and get it as long as it fits.
  @Test func noReplyIsLargerThanTheControllerTakes() async throws {
    let doubles = (0..<100).map { ParameterSpec.double("parameter\($0 + 100)", "0", "1") }
    let counters = (0..<100).map { ParameterSpec.int("parameter\($0 + 100)", "0", "1") }
    try await withClient { client in
      for (parameters, count, code) in [
        (doubles, 1_500, StatusCode.invalidArgument), (counters, 1_500, .ok),
      ] {
        let request = GetSuggestionsRequest(
          experiment: Self.experiment("random", parameters), currentRequestNumber: count)
        let status = await call(client, "GetSuggestions", try request.packed(using: ArenaPool()))
        #expect(status.code == code)
        #expect(code == .ok || status.message.contains("a reply may have at most 4194304"))
      }
    }
  }

  /// Whatever parallelism passes validation gets its suggestions, in a message that a controller
  /// takes, whatever the values turn out to be.
  @Test func whatPassesFitsTheController() async throws {
    let wide = (0..<100).map { ParameterSpec.double("parameter\($0 + 100)", "-1e-300", "1e-300") }
    let long = ParameterSpec.categorical("long", [String(repeating: "x", count: 100_000)])
    try await withClient { client in
      for (algorithm, parameters, settings, count) in [
        ("random", [Self.rate], [], 10_000), ("random", wide, [], 848), ("random", [long], [], 41),
        ("pbt", wide, Self.pbt, 806),
        ("hyperband", wide, .of(["r_l": "9", "resource_name": "parameter100"]), 848),
      ] as [(String, [ParameterSpec], [SettingText], Int)] {
        var experiment = Self.experiment(algorithm, parameters, settings)
        experiment.parallelTrialCount = count
        #expect(await validate(client, try Self.packed(experiment)) == .ok)
        experiment.parallelTrialCount = count + 1
        #expect(await validate(client, try Self.packed(experiment)).code == .invalidArgument)
        let request = GetSuggestionsRequest(
          experiment: experiment, currentRequestNumber: count, totalRequestNumber: count)
        let reply = try await client.unary(
          "/api.v1.beta1.Suggestion/GetSuggestions",
          OutgoingMessage(request.packed(using: ArenaPool())), timeout: .seconds(60))
        #expect(reply.count <= 4 << 20, "\(algorithm)")
        let suggestions = try reply.withUnsafeBytes {
          try GetSuggestionsReply(decoding: $0, using: ArenaPool()).suggestions
        }
        #expect(suggestions.count == count, "\(algorithm)")
      }
    }
  }

  /// What asking again cannot mend is refused like everything else.
  @Test func limitsAreRefusals() async throws {
    try await withClient { client in
      let status = await validate(
        client, try Self.packed(Self.experiment("random", []).parameters(10_001)))
      #expect(status.code == .invalidArgument && status.message.contains("10001 parameters"))
    }
  }
}

extension Experiment {
  /// The same with so many empty parameters.
  fileprivate func parameters(_ count: Int) -> Experiment {
    var other = self
    other.parameterSpecs = Array(
      repeating: ParameterSpec(name: "", kindNumber: 0, feasibleSpace: nil), count: count)
    return other
  }
}
