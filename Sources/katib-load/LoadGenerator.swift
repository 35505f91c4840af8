// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import GRPC
internal import Glibc
internal import Histogram
internal import Synchronization

/// Keeps a fixed number of calls in flight on each connection (a closed loop) and measures them.
///
/// What surprises: a closed loop slows down with its server, so its latencies understate what
/// users of an overloaded server would see. The rate is reported beside them.
final class LoadGenerator: Sendable {
  private let host: String
  private let port: Int
  private let connections: Int
  private let concurrency: Int
  private let timeout: Duration
  private let requests: [OutgoingMessage]
  private let state = Mutex(State())

  private struct State {
    var phase = Phase.idle
    /// Calls that may still be started while measuring; nil without a --count.
    var allowance: Int?
    var next = 0
    var inFlight = 0
    var tally = Tally()
  }

  private enum Phase { case idle, warmingUp, measuring, ending }

  /// What has been measured.
  struct Tally {
    /// Latencies in microseconds, three significant digits, up to an hour.
    var latencies = Histogram<UInt64>(
      highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    var succeeded = 0
    var bytes = 0
    var failures: [StatusCode: (count: Int, example: String)] = [:]
  }

  init(
    host: String, port: Int, connections: Int, concurrency: Int, timeout: Duration,
    requests: [OutgoingMessage]
  ) {
    self.host = host
    self.port = port
    self.connections = connections
    self.concurrency = concurrency
    self.timeout = timeout
    self.requests = requests
  }

  func run(
    warmUp: Duration, duration: Duration?, count: Int?, progress: Bool
  ) -> LoadReport {
    let clients = (0..<connections).map { _ in Client(host: host, port: port) }
    state.withLock { $0.phase = .warmingUp }
    for client in clients {
      for _ in 0..<concurrency { startCall(on: client) }
    }
    wait(warmUp, progress: false) { false }
    let start = ContinuousClock.now
    state.withLock { state in
      state.tally = Tally()
      state.allowance = count
      state.phase = .measuring
    }
    let limit = duration ?? (count == nil ? .seconds(10) : nil)
    wait(limit, progress: progress) {
      self.state.withLock { $0.allowance == 0 && $0.inFlight == 0 }
    }
    let elapsed = ContinuousClock.now - start
    state.withLock { $0.phase = .ending }
    // Calls that were started may end, but no later than their own timeout.
    wait(timeout + .seconds(1), progress: false) { self.state.withLock { $0.inFlight == 0 } }
    for client in clients { client.close() }
    let tally = state.withLock { $0.tally }
    return LoadReport(tally: tally, elapsed: elapsed)
  }

  private func startCall(on client: Client) {
    let request = state.withLock { state -> OutgoingMessage? in
      guard state.phase == .warmingUp || state.phase == .measuring else { return nil }
      if let allowance = state.allowance {
        guard allowance > 0 else { return nil }
        state.allowance = allowance - 1
      }
      state.inFlight += 1
      state.next += 1
      return requests[(state.next - 1) % requests.count]
    }
    guard let request else { return }
    let start = ContinuousClock.now
    client.unary(
      "/api.v1.beta1.Suggestion/GetSuggestions", request, metadata: Metadata(), timeout: timeout
    ) { result in
      self.record(result, since: start)
      self.startCall(on: client)
    }
  }

  private func record(
    _ result: Result<ReceivedMessage, Status>, since start: ContinuousClock.Instant
  ) {
    let microseconds = UInt64(max(0, (ContinuousClock.now - start) / .microseconds(1)))
    state.withLock { state in
      state.inFlight -= 1
      // A call that ends after the time is up counts for nothing: nor does its time.
      guard state.phase == .measuring else { return }
      switch result {
      case .success(let message):
        state.tally.latencies.record(max(1, microseconds))
        state.tally.succeeded += 1
        state.tally.bytes += message.count
      case .failure(let status):
        let known = state.tally.failures[status.code]
        state.tally.failures[status.code] = (
          (known?.count ?? 0) + 1, known?.example ?? status.message
        )
        // A server that refuses at once must not be hammered by the loop.
        if status.code == .unavailable { usleep(1_000) }
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
