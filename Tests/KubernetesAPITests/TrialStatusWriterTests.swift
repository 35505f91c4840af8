// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import KubernetesAPI

/// An API server that holds one Trial and misbehaves on request.
private final class FakeServer: APISessionOpening {
  struct State {
    var trial: JSONValue
    var requests: [String] = []
    var tokens: [String] = []
    /// Answers to give before the real one, by method.
    var disturbances: [(method: String, answer: Result<APIAnswer, KubernetesError>)] = []
    /// Runs after a Trial was read: somebody else's write.
    var afterRead: (@Sendable (inout JSONValue) -> Void)?
  }

  let state: Mutex<State>

  init(_ trial: String) throws {
    state = Mutex(State(trial: try JSONValue(parsing: Array(trial.utf8))))
  }

  var requests: [String] { state.withLock { $0.requests } }
  var trial: JSONValue { state.withLock { $0.trial } }

  func disturb(_ method: String, _ answer: Result<APIAnswer, KubernetesError>) {
    state.withLock { $0.disturbances.append((method, answer)) }
  }

  func disturb(_ method: String, _ code: Int, _ body: String = "") {
    disturb(method, .success(APIAnswer(code: code, body: Array(body.utf8))))
  }

  struct Session: APISession {
    let server: FakeServer

    func send(_ request: APIRequest) async throws(KubernetesError) -> APIAnswer {
      try server.answer(request)
    }
  }

  func withSession<Result>(
    _ access: ClusterAccess,
    _ body: (any APISession) async throws(KubernetesError) -> Result
  ) async throws(KubernetesError) -> Result {
    let token = try access.token?.readText("the token") ?? ""
    state.withLock { $0.tokens.append(token) }
    return try await body(Session(server: self))
  }

  private func answer(_ request: APIRequest) throws(KubernetesError) -> APIAnswer {
    let outcome = state.withLock { state -> Result<APIAnswer, KubernetesError> in
      state.requests.append("\(request.method) \(request.path)")
      if let index = state.disturbances.firstIndex(where: { $0.method == request.method }) {
        return state.disturbances.remove(at: index).answer
      }
      if request.method == "GET" {
        let body = (try? state.trial.serialized()) ?? []
        state.afterRead?(&state.trial)
        return .success(APIAnswer(code: 200, body: body))
      }
      return .success(FakeServer.patch(&state.trial, request))
    }
    return try outcome.get()
  }

  /// RFC 7396 and the rule of optimistic concurrency.
  private static func patch(_ trial: inout JSONValue, _ request: APIRequest) -> APIAnswer {
    guard request.contentType == "application/merge-patch+json",
      let patch = try? JSONValue(parsing: request.body)
    else { return APIAnswer(code: 415, body: []) }
    guard patch["metadata"]?["resourceVersion"] == trial["metadata"]?["resourceVersion"] else {
      return APIAnswer(code: 409, body: [])
    }
    trial = merge(trial, patch)
    bump(&trial)
    return APIAnswer(code: 200, body: (try? trial.serialized()) ?? [])
  }

  static func merge(_ target: JSONValue, _ patch: JSONValue) -> JSONValue {
    guard case .object(let changes) = patch else { return patch }
    var members: [String: JSONValue] = [:]
    if case .object(let old) = target { members = old }
    for (name, change) in changes {
      members[name] = change == .null ? nil : merge(members[name] ?? .null, change)
    }
    return .object(members)
  }

  static func bump(_ trial: inout JSONValue) {
    let old = Int(trial["metadata"]?["resourceVersion"]?.string ?? "") ?? 0
    trial = merge(
      trial, .object(["metadata": .object(["resourceVersion": .string("\(old + 1)")])]))
  }
}

@Suite struct TrialStatusWriterTests {
  private static let trial = """
    {"apiVersion": "kubeflow.org/v1beta1", "kind": "Trial",
     "metadata": {"name": "t-1", "resourceVersion": "7", "generation": 9007199254740993},
     "spec": {"future": {"a": [1, 2.5, null]}},
     "status": {"startTime": "2026-01-02T03:04:05Z", "conditions": [
       {"type": "Created", "status": "True", "unknown": {"n": 9007199254740993, "x": 0.1}},
       {"type": "Running", "status": "True"}]}}
    """

  private let folder = TemporaryFolder()

  private func writer(_ server: FakeServer) -> TrialStatusWriter {
    folder.write("token", "one")
    folder.write("namespace", "team")
    let access = ClusterAccessSource(
      explicitKubeconfig: nil, kubeconfig: nil, serviceAccount: folder.path, namespace: nil,
      variable: { $0 == "KUBERNETES_SERVICE_HOST" ? "10.96.0.1" : nil })
    return TrialStatusWriter(
      access: access, sessions: server, secondsSince1970: { 1_767_323_045 })
  }

  private func failure(
    _ server: FakeServer, trial: String = "t-1", within time: Duration? = nil
  ) async -> KubernetesError? {
    do {
      try await writer(server).setEarlyStopped(trial: trial, within: time)
      return nil
    } catch {
      return error as? KubernetesError
    }
  }

  private static let path = "/apis/kubeflow.org/v1beta1/namespaces/team/trials/t-1"

  @Test func conditionIsAppendedAndAllElseStays() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    #expect(await failure(server) == nil)
    let path = TrialStatusWriterTests.path
    #expect(server.requests == ["GET \(path)", "PATCH \(path)/status"])
    let before = try JSONValue(parsing: Array(TrialStatusWriterTests.trial.utf8))
    let conditions = try #require(server.trial["status"]?["conditions"]?.array)
    #expect(Array(conditions.dropLast()) == before["status"]?["conditions"]?.array)
    let time = JSONValue.string("2026-01-02T03:04:05Z")
    #expect(
      conditions.last
        == .object([
          "type": .string("EarlyStopped"), "status": .string("True"),
          "reason": .string("TrialEarlyStopped"), "message": .string("Trial is early stopped"),
          "lastUpdateTime": time, "lastTransitionTime": time,
        ]))
    #expect(server.trial["spec"] == before["spec"])
    #expect(server.trial["metadata"]?["generation"] == .integer(9_007_199_254_740_993))
    #expect(server.trial["status"]?["startTime"] == before["status"]?["startTime"])
  }

  @Test func aSecondCallChangesNothing() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    #expect(await failure(server) == nil)
    let once = server.trial
    #expect(await failure(server) == nil)
    #expect(server.trial == once)
    #expect(server.requests.filter { $0.hasPrefix("PATCH") }.count == 1)
  }

  @Test(arguments: [
    #"{"metadata": {"resourceVersion": "7"}}"#,
    #"{"metadata": {"resourceVersion": "7"}, "status": {}}"#,
    #"{"metadata": {"resourceVersion": "7"}, "status": {"conditions": null}}"#,
    #"{"metadata": {"resourceVersion": "7"}, "status": {"conditions": [{"type": "EarlyStopped", "status": "False"}]}}"#,
  ])
  func conditionsMayBeMissingOrFalse(trial: String) async throws {
    let server = try FakeServer(trial)
    #expect(await failure(server) == nil)
    let conditions = server.trial["status"]?["conditions"]?.array
    #expect(conditions?.count == 1)
    #expect(conditions?.first?["status"] == .string("True"))
  }

  @Test func aConflictIsReadAnew() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    let writes = Mutex(0)
    server.state.withLock { state in
      state.afterRead = { trial in
        // Somebody else writes twice in between.
        guard
          writes.withLock({
            $0 += 1
            return $0 <= 2
          })
        else { return }
        let conditions = (trial["status"]?["conditions"]?.array ?? []) + [.string("theirs")]
        trial = FakeServer.merge(
          trial, .object(["status": .object(["conditions": .array(conditions)])]))
        FakeServer.bump(&trial)
      }
    }
    #expect(await failure(server) == nil)
    let conditions = server.trial["status"]?["conditions"]?.array ?? []
    #expect(conditions.count == 5, "two of the beginning, two of theirs, one of ours")
    #expect(conditions.last?["type"] == .string("EarlyStopped"))
    #expect(server.requests.filter { $0.hasPrefix("PATCH") }.count == 3)
  }

  @Test func endlessConflictsEnd() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    server.state.withLock { $0.afterRead = { FakeServer.bump(&$0) } }
    guard case .conflict(let text)? = await failure(server, within: .milliseconds(500)) else {
      Issue.record("no conflict")
      return
    }
    #expect(text.contains("t-1"))
    // Pauses of 50, 100, 200 ms, each at least half of that: five tries at most, fewer on a busy machine.
    #expect((1...5).contains(server.requests.filter { $0.hasPrefix("PATCH") }.count))
  }

  /// Six tries once ended after a second and a half, whatever time there was: the collector, which
  /// asks once and without a deadline, took the restart of an API server for a failed Trial.
  @Test func anOutageOfSecondsIsRiddenOut() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    for _ in 0..<6 { server.disturb("GET", .failure(.unreachable("connection refused"))) }
    #expect(await failure(server) == nil)
    #expect(server.requests.filter { $0.hasPrefix("GET") }.count == 7)
  }

  @Test func aLostAnswerIsNoSecondCondition() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    // The write arrives, its answer does not.
    server.state.withLock { state in
      state.afterRead = { trial in
        let patch = try? TrialStatusUpdate.patch(trial, time: 5)
        if case .object(var members)? = patch ?? nil {
          members["metadata"] = nil
          trial = FakeServer.merge(trial, .object(members))
        }
      }
    }
    server.disturb("PATCH", .failure(.unreachable("reset by peer")))
    #expect(await failure(server) == nil)
    let stopped = server.trial["status"]?["conditions"]?.array?.filter {
      $0["type"] == .string("EarlyStopped")
    }
    #expect(stopped?.count == 1)
  }

  @Test(arguments: [500, 502, 503, 504, 429])
  func passingTroubleIsRidenOut(code: Int) async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    server.disturb("GET", code)
    server.disturb("PATCH", code)
    #expect(await failure(server) == nil)
  }

  @Test(arguments: [
    (403, "verb get on trials of the API group kubeflow.org in namespace team"),
    (404, "no Trial t-1 in namespace team"), (410, "410"),
  ])
  func lastingTroubleIsSaidAtOnce(code: Int, words: String) async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    server.disturb("GET", code, #"{"kind": "Status", "message": "because"}"#)
    guard case .refused(code, let text)? = await failure(server) else {
      Issue.record("not refused with \(code)")
      return
    }
    #expect(text.contains(words) && text.contains("because"), "\(text)")
    #expect(server.requests.count == 1)
  }

  @Test func aWriteThatIsNotAllowedNamesWhatIsMissing() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    server.disturb("PATCH", 403)
    guard case .refused(403, let text)? = await failure(server) else {
      Issue.record("not refused")
      return
    }
    #expect(text.contains("verb patch on trials/status"))
  }

  @Test func aReplacedTokenIsUsedAfterOneRefusal() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    let writer = writer(server)
    server.disturb("GET", 401)
    server.state.withLock { state in state.tokens = [] }
    folder.write("token", "two")
    try await writer.setEarlyStopped(trial: "t-1", within: nil)
    #expect(server.state.withLock { $0.tokens } == ["two", "two"])
    server.disturb("GET", 401)
    server.disturb("GET", 401)
    let error = await #expect(throws: KubernetesError.self) {
      try await writer.setEarlyStopped(trial: "t-1", within: nil)
    }
    guard case .refused(401, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func timeEndsTheTries() async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    for _ in 0..<20 { server.disturb("GET", 503) }
    guard case .refused(503, _)? = await failure(server, within: .milliseconds(100)) else {
      Issue.record("not the last error")
      return
    }
    #expect((1...4).contains(server.requests.count))
  }

  @Test(arguments: ["", "../experiments/x", "a/b", "A", "-a", "a-", "a..b", "a%2fb", "a b", "é"])
  func whatCannotBeANameIsNotAskedFor(name: String) async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    guard case .invalidName? = await failure(server, trial: name) else {
      Issue.record("accepted")
      return
    }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: ["not json", "[]", "{}", #"{"metadata": {}}"#])
  func answersThatAreNoTrialAreRefused(body: String) async throws {
    let server = try FakeServer(TrialStatusWriterTests.trial)
    server.disturb("GET", 200, body)
    guard case .unreadable? = await failure(server) else {
      Issue.record("accepted")
      return
    }
  }
}
