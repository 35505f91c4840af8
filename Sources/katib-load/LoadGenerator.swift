// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import GRPC
internal import Glibc
internal import Histogram
internal import Synchronization

/// Keeps a fixed number of calls in flight on each connection (a closed loop) and measures them.
///
/// What counts is every call that is started while measuring, however and whenever it ends: a call
/// is no success because the run was over before its failure, and the slowest calls are the last to
/// end. Only the rate leaves out what ended late.
///
/// What surprises: a closed loop slows down with its server, so its latencies understate what
/// users of an overloaded server would see. The rate is reported beside them.
final class LoadGenerator: Sendable {
  private let address: HostPort
  private let connections: Int
  private let concurrency: Int
  private let timeout: Duration
  private let requests: [OutgoingMessage]
  private let state = Mutex(State())
  /// Somebody lost patience: what was measured so far is reported.
  private static let isInterrupted = Atomic(false)

  private struct State {
    var phase = Phase.warmingUp
    /// Calls that may still be started while measuring; nil without a --count.
    var allowance: Int?
    var next = 0
    /// Calls that have not ended.
    var warmUpInFlight = 0
    var measuredInFlight = 0
    var tally = Tally()
    /// When a measured call last ended.
    var lastEnd = ContinuousClock.now
  }

  private enum Phase { case warmingUp, measuring, ending }

  /// A call on its way.
  private struct Call {
    var request: OutgoingMessage
    var isMeasured: Bool
    var start: ContinuousClock.Instant
  }

  /// What has been measured.
  struct Tally {
    /// Latencies in microseconds, three significant digits, up to an hour.
    var latencies = Histogram<UInt64>(
      highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    var succeeded = 0
    /// Of those, the ones that ended when the time was up.
    var late = 0
    var bytes = 0
    var failures: [StatusCode: (count: Int, example: String)] = [:]

    mutating func fail(_ status: Status, count: Int = 1) {
      let known = failures[status.code]
      failures[status.code] = ((known?.count ?? 0) + count, known?.example ?? status.message)
    }
  }

  init(
    address: HostPort, connections: Int, concurrency: Int, timeout: Duration,
    requests: [OutgoingMessage]
  ) {
    self.address = address
    self.connections = connections
    self.concurrency = concurrency
    self.timeout = timeout
    self.requests = requests
  }

  func run(
    warmUp: Duration, duration: Duration?, count: Int?, progress: Bool
  ) -> LoadReport {
    // No more threads than can run: a thread for each of 400 connections spent nine tenths of its time
    // waiting for the others' locks.
    let threads = IOThreads(count: min(connections, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    defer { threads.shutdown() }
    var configuration = ClientConfiguration()
    configuration.threads = threads
    let clients = (0..<connections).map { [configuration] _ in
      Client(address, configuration: configuration)
    }
    LoadGenerator.listenForInterrupt()
    if warmUp > .zero {
      startCalls(on: clients)
      wait(warmUp, progress: false) { LoadGenerator.isInterrupted.load(ordering: .relaxed) }
    }
    let start = ContinuousClock.now
    state.withLock { state in
      state.allowance = count
      state.phase = .measuring
    }
    if warmUp <= .zero { startCalls(on: clients) }
    wait(duration ?? (count == nil ? .seconds(10) : nil), progress: progress) {
      self.state.withLock { $0.allowance == 0 && $0.measuredInFlight == 0 }
        || LoadGenerator.isInterrupted.load(ordering: .relaxed)
    }
    let end = state.withLock { state in
      state.phase = .ending
      return state.allowance == 0 && state.measuredInFlight == 0 ? state.lastEnd : .now
    }
    let hasEnded: () -> Bool = {
      self.state.withLock { $0.warmUpInFlight + $0.measuredInFlight == 0 }
    }
    // Calls that were started may end, but no later than their own timeout.
    wait(timeout + .seconds(1), progress: false, until: hasEnded)
    for client in clients { client.close() }
    wait(.seconds(1), progress: false, until: hasEnded)
    let tally = state.withLock { state in
      if state.measuredInFlight > 0 {
        state.tally.fail(Status(.unknown, "the call never ended"), count: state.measuredInFlight)
      }
      return state.tally
    }
    return LoadReport(tally: tally, elapsed: end - start)
  }

  /// Ctrl-C ends the measuring; once more ends the process.
  private static func listenForInterrupt() {
    // Made before a signal handler needs it: making it there could wait for itself.
    isInterrupted.store(false, ordering: .relaxed)
    signal(SIGINT) { _ in
      LoadGenerator.isInterrupted.store(true, ordering: .relaxed)
      signal(SIGINT, SIG_DFL)
    }
  }

  private func startCalls(on clients: [Client]) {
    for client in clients {
      for _ in 0..<concurrency { startCall(on: client) }
    }
  }

  private func startCall(on client: Client) {
    guard let call = nextCall() else { return }
    client.unary(
      "/api.v1.beta1.Suggestion/GetSuggestions", call.request, metadata: Metadata(),
      timeout: timeout
    ) { result in
      self.record(result, of: call)
      // A server that refuses at once must not be hammered by the loop.
      if case .failure(let status) = result, status.code == .unavailable { usleep(1_000) }
      self.startCall(on: client)
    }
  }

  private func nextCall() -> Call? {
    state.withLock { state in
      switch state.phase {
      case .warmingUp:
        state.warmUpInFlight += 1
      case .measuring:
        if let allowance = state.allowance {
          guard allowance > 0 else { return nil }
          state.allowance = allowance - 1
        }
        state.measuredInFlight += 1
      case .ending:
        return nil
      }
      state.next += 1
      return Call(
        request: requests[(state.next - 1) % requests.count],
        isMeasured: state.phase == .measuring, start: .now)
    }
  }

  private func record(_ result: Result<ReceivedMessage, Status>, of call: Call) {
    let now = ContinuousClock.now
    let microseconds = UInt64(max(0, (now - call.start) / .microseconds(1)))
    state.withLock { state in
      guard call.isMeasured else {
        state.warmUpInFlight -= 1
        return
      }
      state.measuredInFlight -= 1
      state.lastEnd = now
      switch result {
      case .success(let message):
        state.tally.latencies.record(max(1, microseconds))
        state.tally.succeeded += 1
        state.tally.late += state.phase == .ending ? 1 : 0
        state.tally.bytes += message.count
      case .failure(let status):
        state.tally.fail(status)
      }
    }
  }

  /// Sleeps until `limit` has passed or `isDone`.
  private func wait(_ limit: Duration?, progress: Bool, until isDone: () -> Bool) {
    let start = ContinuousClock.now
    var nextLine = 1
    var before = 0
    while !isDone() {
      let elapsed = ContinuousClock.now - start
      if let limit, elapsed >= limit { return }
      let left = limit.map { ($0 - elapsed) / .microseconds(1) } ?? 20_000
      usleep(UInt32(min(max(left, 100), 20_000)))
      guard progress, elapsed >= .seconds(nextLine) else { continue }
      nextLine += 1
      let (succeeded, failed) = state.withLock {
        ($0.tally.succeeded, $0.tally.failures.values.reduce(0) { $0 + $1.count })
      }
      let line =
        "\(Int(elapsed / .seconds(1))) s  \(succeeded - before)/s  "
        + "\(succeeded) succeeded, \(failed) failed\n"
      before = succeeded
      LoadGenerator.writeToStandardError(line)
    }
  }

  private static func writeToStandardError(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
  }
}
