// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import CommonServices
import ExperimentModel
import KatibAPI
import KubernetesAPI
import Logging
import Synchronization
import Testing

@testable import EarlyStoppingServices
@testable import GRPC

/// The service over a real socket, with our own client and a DB manager of our own server.
@Suite struct EarlyStoppingServiceTests {
  /// Takes note of what it is asked to do.
  private final class Trials: TrialStatusWriting {
    let asked = Mutex<[String]>([])
    let failure: KubernetesError?

    init(failure: KubernetesError? = nil) { self.failure = failure }

    func setEarlyStopped(trial: String, within time: Duration?) async throws {
      asked.withLock { $0.append(trial) }
      if let failure { throw failure }
    }
  }

  private let arenas = ArenaPool()

  private func withClient<Result>(
    _ trials: any TrialStatusWriting = Trials(), _ body: (Client) async throws -> Result
  ) async throws -> Result {
    let budget = MemoryBudget(bytes: 48 << 20)
    var router = Router()
    var logger = Logger(label: "test") { _ in
      LineLogHandler(format: .text, level: .critical) { _ in }
    }
    logger.logLevel = .critical
    EarlyStoppingService(trials: trials, budget: budget, logger: logger).register(in: &router)
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

  private func call(
    _ client: Client, _ method: String, _ request: some WireEncodable,
    timeout: Duration = .seconds(20)
  ) async throws -> ReceivedMessage {
    try await client.unary(
      "/api.v1.beta1.EarlyStopping/\(method)",
      OutgoingMessage(try request.packed(using: arenas)), timeout: timeout)
  }

  private func rules(
    _ client: Client, _ trials: [TrialMessage], at address: String,
    direction: Objective.Direction = .minimize, metric: String = "loss",
    settings: [String: String] = [:], algorithm: String = "medianstop",
    timeout: Duration = .seconds(20)
  ) async throws -> [EarlyStoppingRule] {
    let request = GetEarlyStoppingRulesRequest(
      experiment: Experiment(
        name: "e", objective: Objective(direction: direction, metricName: metric),
        algorithmName: "random"),
      earlyStopping: EarlyStoppingSpec(
        algorithmName: algorithm,
        settings: settings.map { SettingText(name: $0.key, value: $0.value) }),
      trials: trials, dbManagerAddress: address)
    let reply = try await call(client, "GetEarlyStoppingRules", request, timeout: timeout)
    return try reply.withUnsafeBytes {
      try GetEarlyStoppingRulesReply(decoding: $0, using: arenas).rules
    }
  }

  private func trial(
    _ name: String, _ condition: TrialCondition = .succeeded, end: Int = 1
  ) -> TrialMessage {
    TrialMessage(
      name: name, startTime: "2026-01-02T00:00:00Z",
      completionTime: condition == .succeeded ? "2026-01-02T00:00:0\(end)Z" : "",
      conditionNumber: condition.rawValue)
  }

  private func log(_ values: [String]) -> [MetricLog] {
    values.enumerated().map {
      MetricLog(timeStamp: "2026-01-02T00:00:0\($0.offset)Z", metricName: "loss", value: $0.element)
    }
  }

  /// Averages of the first four: 1, 2, 3 and 10.
  private func filled() throws -> FakeDBManager {
    let manager = try FakeDBManager()
    manager.state.withLock { state in
      state.logs["a"] = log(["1", "1", "1", "1", "500"])
      state.logs["b"] = log(["2", "nan", "2"])
      state.logs["c"] = log(["6", "4", "1", "1", "0"])
      state.logs["d"] = log(["10"])
    }
    return manager
  }

  private let abc = ["a", "b", "c"]

  private func code(_ body: () async throws -> Void) async -> Status {
    do {
      try await body()
      return .ok
    } catch {
      return error as? Status ?? Status(.unknown, "\(error)")
    }
  }

  @Test func medianOfTheAveragesIsTheRule() async throws {
    let manager = try filled()
    defer { manager.stop() }
    try await withClient { client in
      let three = try await rules(client, abc.map { trial($0) }, at: manager.address)
      #expect(
        three
          == [
            EarlyStoppingRule(
              metricName: "loss", value: "2.0", comparison: .greater, startStep: 4)
          ])
      let four = try await rules(
        client, (abc + ["d"]).map { trial($0) }, at: manager.address, direction: .maximize)
      #expect(four.map(\.value) == ["2.5"])
      #expect(four.map(\.comparison) == [.less])
      let other = try await rules(
        client, abc.map { trial($0) }, at: manager.address,
        settings: ["start_step": "1", "min_trials_required": "2"])
      #expect(other.map(\.value) == ["2.0"])
      #expect(other.map(\.startStep) == [1])
    }
  }

  @Test func aFinishedTrialIsFetchedOnce() async throws {
    let manager = try filled()
    defer { manager.stop() }
    try await withClient { client in
      for _ in 0..<5 {
        let found = try await rules(client, abc.map { trial($0) }, at: manager.address)
        #expect(found.count == 1)
      }
      #expect(manager.askedTotal == 3)
      _ = try await rules(client, (abc + ["d"]).map { trial($0) }, at: manager.address)
      #expect(manager.askedTotal == 4)
      // Made again under its old name: another trial, another log.
      manager.state.withLock { $0.logs["a"] = log(["7"]) }
      let again = try await rules(
        client, [trial("a", end: 9), trial("b"), trial("c")], at: manager.address)
      #expect(again.map(\.value) == ["3.0"])
      #expect(manager.askedTotal == 5)
    }
  }

  @Test func callsAtTheSameTimeShareTheirFetches() async throws {
    let manager = try FakeDBManager()
    defer { manager.stop() }
    let names = (0..<200).map { "t-\($0)" }
    manager.state.withLock { state in
      for name in names { state.logs[name] = log(["1"]) }
    }
    let address = manager.address
    try await withClient { client in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<2 {
          group.addTask { try await rules(client, names.map { trial($0) }, at: address).count }
        }
        for try await count in group { #expect(count == 1) }
      }
    }
    #expect(manager.askedTotal == 200)
  }

  @Test func withoutSucceededTrialsNobodyIsAsked() async throws {
    let others: [TrialCondition] = [
      .created, .running, .killed, .failed, .metricsUnavailable, .earlyStopped, .unknown,
    ]
    try await withClient { client in
      for trials in [[], others.map { trial("\($0)", $0) }] {
        let request = GetEarlyStoppingRulesRequest(
          experiment: Experiment(name: "", objective: Objective(), algorithmName: ""),
          trials: trials, dbManagerAddress: "no.such.name.invalid:1")
        let reply = try await call(client, "GetEarlyStoppingRules", request)
        #expect(reply.count == 0)
      }
      #expect(
        try await rules(
          client, [trial("a"), trial("b")], at: "no.such.name.invalid:1"
        ).isEmpty, "two are too few whatever their logs say")
    }
  }

  @Test func oneLogDoesNotCostTheOthers() async throws {
    let manager = try filled()
    defer { manager.stop() }
    manager.state.withLock { state in
      state.refusals["d"] = Array(repeating: Status(.internalError, "no"), count: 99)
      state.logs["empty"] = []
      state.silent = ["slow"]
    }
    try await withClient { client in
      let names = abc + ["d", "empty", "slow", "gone"]
      let found = try await rules(
        client, names.map { trial($0) }, at: manager.address, timeout: .seconds(6))
      #expect(found.map(\.value) == ["2.0"])
    }
  }

  @Test func unavailabilityIsTriedAgain() async throws {
    let manager = try filled()
    defer { manager.stop() }
    let busy = Status(.unavailable, "busy")
    manager.state.withLock { state in
      for name in abc { state.refusals[name] = [busy, busy] }
    }
    try await withClient { client in
      let found = try await rules(client, abc.map { trial($0) }, at: manager.address)
      #expect(found.map(\.value) == ["2.0"])
    }
    #expect(manager.askedTotal == 9)
  }

  @Test func aDBManagerThatIsDownIsSaid() async throws {
    try await withClient { client in
      let names = (0..<100).map { "t-\($0)" }
      let clock = ContinuousClock()
      let start = clock.now
      let status = await code {
        _ = try await rules(client, names.map { trial($0) }, at: "127.0.0.1:1")
      }
      #expect(status.code == .unavailable)
      #expect(status.message.contains("127.0.0.1:1"))
      #expect(clock.now - start < .seconds(5))
    }
  }

  /// Two of three logs were read, the third not in time, and the answer was OK without a rule: trials
  /// were made without one for as long as the DB manager was slow.
  @Test func aRuleThatOneSilentLogPreventsIsAskedForAgain() async throws {
    let manager = try filled()
    defer { manager.stop() }
    let busy = Status(.unavailable, "busy")
    manager.state.withLock { $0.refusals["c"] = Array(repeating: busy, count: 99) }
    try await withClient { client in
      let trials = abc.map { trial($0) }
      let status = await code { _ = try await rules(client, trials, at: manager.address) }
      #expect(status.code == .unavailable)
      #expect(status.message.contains("a value for 2 of 3 trials, a rule needs 3"))
      #expect(status.message.contains("busy"))
      manager.state.withLock { $0.refusals["c"] = [] }
      let found = try await rules(client, trials, at: manager.address)
      #expect(found.map(\.value) == ["2.0"])
    }
  }

  /// One that cannot be read at all must not stop the Experiment.
  @Test(arguments: [StatusCode.internalError, .notFound, .resourceExhausted])
  func aLogThatNobodyCanReadHoldsNothingUp(code: StatusCode) async throws {
    let manager = try filled()
    defer { manager.stop() }
    let broken = Status(code, "no")
    manager.state.withLock { $0.refusals["c"] = Array(repeating: broken, count: 99) }
    try await withClient { client in
      let found = try await rules(client, abc.map { trial($0) }, at: manager.address)
      #expect(found.isEmpty)
    }
  }

  /// A DB manager that answers while its database does not: UNKNOWN is what Katib's own makes of
  /// "too many connections". That was OK without a rule, for every trial, for ever.
  @Test(arguments: [
    StatusCode.unknown, .internalError, .resourceExhausted, .failedPrecondition, .unimplemented,
    .permissionDenied,
  ])
  func aDBManagerWithoutItsDatabaseIsSaid(code: StatusCode) async throws {
    let manager = try filled()
    defer { manager.stop() }
    let broken = Status(code, "Error 1040: too many connections")
    manager.state.withLock { state in for name in abc { state.refusals[name] = [broken] } }
    try await withClient { client in
      let trials = abc.map { trial($0) }
      let status = await self.code { _ = try await rules(client, trials, at: manager.address) }
      #expect(status.code == .unavailable)
      #expect(status.message.contains(manager.address))
      #expect(status.message.contains("Error 1040"))
      // The next call finds it well.
      let trialsRules = try await rules(client, trials, at: manager.address)
      #expect(trialsRules.map(\.value) == ["2.0"])
    }
  }

  /// A log that nobody has is no failure of the DB manager's, and what is known decides.
  @Test func someFailuresAreNone() async throws {
    let manager = try filled()
    defer { manager.stop() }
    let absent = Status(.notFound, "no such trial")
    manager.state.withLock { state in
      for name in ["e", "f", "g"] { state.refusals[name] = [absent, absent] }
      state.refusals["h"] = [Status(.unknown, "too many connections")]
    }
    try await withClient { client in
      let absentOnly = ["e", "f", "g"].map { trial($0) }
      #expect(try await rules(client, absentOnly, at: manager.address).isEmpty)
      let all = (abc + ["e", "f", "g", "h"]).map { trial($0) }
      let allRules = try await rules(client, all, at: manager.address)
      #expect(allRules.map(\.value) == ["2.0"])
    }
  }

  /// "No value" of an empty log was kept like an average, so that a process that had asked too early
  /// never found a rule, and one started later did.
  @Test func anEmptyLogIsReadAgain() async throws {
    let manager = try FakeDBManager()
    defer { manager.stop() }
    try await withClient { client in
      let trials = abc.map { trial($0) }
      #expect(try await rules(client, trials, at: manager.address).isEmpty)
      for name in abc { manager.state.withLock { $0.logs[name] = log(["5"]) } }
      let trialsRules = try await rules(client, trials, at: manager.address)
      #expect(trialsRules.map(\.value) == ["5.0"])
      #expect(manager.askedTotal == 6)
      // One that has lines, and no number among them, will not get better.
      manager.state.withLock { $0.logs["nan"] = log(["nan", "nan"]) }
      for _ in 0..<3 {
        _ = try await rules(client, trials + [trial("nan")], at: manager.address)
      }
      #expect(manager.askedTotal == 7)
    }
  }

  @Test func aSilentDBManagerLeavesTimeToAnswer() async throws {
    let manager = try filled()
    defer { manager.stop() }
    manager.state.withLock { $0.silent = Set(abc) }
    try await withClient { client in
      let status = await code {
        _ = try await rules(
          client, abc.map { trial($0) }, at: manager.address, timeout: .seconds(3))
      }
      #expect(status.code == .unavailable, "our answer, not the client's deadline: \(status)")
    }
  }

  @Test func mistakesAreNamed() async throws {
    try await withClient { client in
      let trials = abc.map { trial($0) }
      var status = await code { _ = try await rules(client, trials, at: "nowhere") }
      #expect(status.code == .invalidArgument)
      #expect(status.message.contains("db_manager_address is \"nowhere\""))
      status = await code { _ = try await rules(client, trials, at: "h:1", metric: "") }
      #expect(status.code == .invalidArgument)
      #expect(status.message.contains("objective_metric_name"))
      status = await code { _ = try await rules(client, trials, at: "h:1", algorithm: "x") }
      #expect(status == Status(.invalidArgument, "unknown algorithm name x"))
      status = await code {
        _ = try await rules(client, trials, at: "h:1", settings: ["start_step": "0"])
      }
      #expect(
        status == Status(.invalidArgument, "start_step must be greater or equal than one (>=1)"))
    }
  }

  @Test func refusalsAtValidationAreInvalidArgument() async throws {
    try await withClient { client in
      func validate(_ spec: EarlyStoppingSpec) async -> Status {
        await code {
          _ = try await call(
            client, "ValidateEarlyStoppingSettings",
            ValidateEarlyStoppingSettingsRequest(earlyStopping: spec))
        }
      }
      #expect(await validate(EarlyStoppingSpec(algorithmName: "medianstop")) == .ok)
      #expect(
        await validate(EarlyStoppingSpec(algorithmName: "none"))
          == Status(.invalidArgument, "unknown algorithm name none"))
      let zero = [SettingText(name: "min_trials_required", value: "0")]
      #expect(
        await validate(EarlyStoppingSpec(algorithmName: "medianstop", settings: zero))
          == Status(.invalidArgument, "min_trials_required must be greater than zero (>0)"))
    }
  }

  /// 15 MB of settings held the I/O thread for 70 ms. They may wait, but not behind calls that wait
  /// for a DB manager; and too large a message is no yes.
  @Test func onlySmallSettingsAreValidatedOnTheIOThread() async throws {
    var router = Router()
    EarlyStoppingService(
      trials: Trials(), budget: MemoryBudget(bytes: 48 << 20), logger: Logger(label: "test")
    ).register(in: &router)
    let path = Array("/api.v1.beta1.EarlyStopping/ValidateEarlyStoppingSettings".utf8)
    let route = try #require(path.withUnsafeBufferPointer { router.route($0) })
    #expect(route.traits.isShort && route.traits.overload == .unavailable)
    guard case .unary(let placement, _) = route.kind else {
      Issue.record("not unary")
      return
    }
    for (bytes, expected) in [(100, Placement.inline), (1 << 20, .worker)] {
      let text = String(repeating: "0", count: bytes)
      let request = ValidateEarlyStoppingSettingsRequest(
        earlyStopping: EarlyStoppingSpec(
          algorithmName: "medianstop",
          settings: [SettingText(name: "min_trials_required", value: text)]))
      let packed = try request.packed(using: arenas)
      #expect(packed.withUnsafeBytes { placement($0) } == expected)
      let status = try await withClient { client in
        await code { _ = try await call(client, "ValidateEarlyStoppingSettings", request) }
      }
      #expect(status.code == .invalidArgument)
    }
  }

  @Test func trialStatusIsHandedOn() async throws {
    let trials = Trials()
    try await withClient(trials) { client in
      _ = try await call(client, "SetTrialStatus", SetTrialStatusRequest(trialName: "t-1"))
    }
    #expect(trials.asked.withLock { $0 } == ["t-1"])
  }

  @Test(arguments: [
    (KubernetesError.noCluster("x"), StatusCode.failedPrecondition),
    (.configuration("x"), .failedPrecondition), (.untrusted("x"), .failedPrecondition),
    (.invalidName("x"), .invalidArgument), (.conflict("x"), .aborted),
    (.unreachable("x"), .unavailable), (.timeout("x"), .deadlineExceeded),
    (.unreadable("x"), .internalError), (.refused(code: 401, "x"), .unauthenticated),
    (.refused(code: 403, "x"), .permissionDenied), (.refused(code: 404, "x"), .notFound),
    (.refused(code: 422, "x"), .failedPrecondition), (.refused(code: 429, "x"), .unavailable),
    (.refused(code: 500, "x"), .unavailable), (.refused(code: 504, "x"), .deadlineExceeded),
  ])
  func kubernetesErrorsHaveTheirStatus(error: KubernetesError, expected: StatusCode) async throws {
    let status = try await withClient(Trials(failure: error)) { client in
      await code {
        _ = try await call(client, "SetTrialStatus", SetTrialStatusRequest(trialName: "t-1"))
      }
    }
    #expect(status == Status(expected, "x"))
  }
}
