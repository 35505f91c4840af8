// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CommonServices
internal import GRPC
internal import KatibAPI
internal import Synchronization

/// Reads observation logs from Katib's DB manager: many trials at once on one connection.
///
/// The connection lasts as long as one call, so the name is resolved anew each time and nothing is
/// left of a DB manager that moved.
final class ObservationLogClient: Sendable {
  private static let path = "/api.v1.beta1.DBManager/GetObservationLog"

  private let arenas = ArenaPool()
  private let threads = Mutex<IOThreads?>(nil)
  /// The length of a pause, given its bounds; random outside tests.
  private let drawPause: @Sendable (ClosedRange<Double>) -> Double

  init(
    drawPause: @escaping @Sendable (ClosedRange<Double>) -> Double = { Double.random(in: $0) }
  ) {
    self.drawPause = drawPause
  }

  /// How fetching went.
  struct Outcome: Sendable {
    var averages: [AverageKey: Double?] = [:]
    /// Logs that could not be read.
    var failureCount = 0
    /// Of those, the ones for which no answer came, or no time was left: they may be read in a moment.
    var silenceCount = 0
    /// Whether any log was read from the DB manager, even an empty one.
    var canRead = false
    /// The last failure that does not say that a trial has no log: whatever else a DB manager
    /// answers tells of its own state, or of its database's.
    var lastFailure: Status?

    /// How many logs had a number.
    var averageCount: Int { averages.values.count { $0 != nil } }

    mutating func fail(_ status: Status) {
      failureCount += 1
      if ObservationLogClient.isSilence(status) { silenceCount += 1 }
      if status.code != .notFound { lastFailure = status }
    }

    /// As many more were not read for lack of time, or because the DB manager is silent anyway.
    mutating func passOver(_ count: Int) {
      guard count > 0 else { return }
      failureCount += count
      silenceCount += count
      lastFailure = lastFailure ?? Status(.deadlineExceeded, "no time was left")
    }
  }

  /// One log that was read.
  private struct Reading: Sendable {
    /// nil: the log has no finite value.
    var average: Double?
    /// Whether there is nothing in it at all.
    var isEmpty: Bool
  }

  /// Fetches logs and averages the first reports of each. A log that cannot be read costs only
  /// itself.
  /// - Parameters:
  ///   - keys: of one scope.
  ///   - deadline: when to stop; what is known by then is the outcome.
  ///   - found: called with each average as soon as it is known; not for an empty log, which may be
  ///     filled later.
  func averages(
    _ keys: [AverageKey], at address: HostPort, until deadline: MonotonicInstant,
    found: (AverageKey, Double?) -> Void
  ) async -> Outcome {
    var outcome = Outcome()
    guard let scope = keys.first?.scope else { return outcome }
    var configuration = ClientConfiguration()
    configuration.connectTimeout = EarlyStoppingLimits.fetchTimeout
    configuration.threads = sharedThreads()
    let client = Client(address, configuration: configuration)
    defer { client.close() }
    let concurrency = min(
      EarlyStoppingLimits.concurrentFetches,
      max(1, EarlyStoppingLimits.heldValues / scope.startStep))
    await withTaskGroup(of: (AverageKey, Result<Reading, Status>).self) { group in
      var waiting = keys[...]
      var failuresInARow = 0
      func startNext() {
        guard failuresInARow < EarlyStoppingLimits.failuresInARow, !Task.isCancelled,
          MonotonicInstant.now() < deadline, let key = waiting.popFirst()
        else { return }
        group.addTask { (key, await self.fetch(key, client, until: deadline)) }
      }
      for _ in 0..<concurrency { startNext() }
      while let (key, result) = await group.next() {
        switch result {
        case .success(let reading):
          failuresInARow = 0
          outcome.canRead = true
          outcome.averages[key] = .some(reading.average)
          if !reading.isEmpty { found(key, reading.average) }
        case .failure(let status):
          let isSilence = ObservationLogClient.isSilence(status)
          failuresInARow = isSilence ? failuresInARow + 1 : 0
          outcome.fail(status)
        }
        startNext()
      }
      outcome.passOver(waiting.count)
    }
    return outcome
  }

  /// Whether nobody answered, as opposed to an answer that says no.
  private static func isSilence(_ status: Status) -> Bool {
    switch status.code {
    case .unavailable, .deadlineExceeded, .cancelled: true
    default: false
    }
  }

  /// One log, tried again with growing pauses while the DB manager is unavailable.
  private func fetch(
    _ key: AverageKey, _ client: Client, until deadline: MonotonicInstant
  ) async -> Result<Reading, Status> {
    var longest = EarlyStoppingLimits.firstPause / .seconds(1)
    for attempt in 1... {
      let status: Status
      do throws(Status) {
        return .success(try await read(key, client, until: deadline))
      } catch {
        status = error
      }
      let pause = Duration.seconds(drawPause(longest / 2...longest))
      guard status.code == .unavailable, attempt < EarlyStoppingLimits.fetchTries,
        MonotonicInstant.now().advanced(by: pause) < deadline,
        (try? await Task.sleep(for: pause)) != nil
      else { return .failure(status) }
      longest *= 2
    }
    return .failure(Status(.internalError, "unreachable"))
  }

  private func read(
    _ key: AverageKey, _ client: Client, until deadline: MonotonicInstant
  ) async throws(Status) -> Reading {
    let left = deadline.duration(since: .now())
    guard left > .zero else { throw Status(.deadlineExceeded, "no time was left") }
    let request = GetObservationLogRequest(
      trialName: key.trialName, metricName: key.scope.metricName)
    let reading = LogReading(key.scope)
    do {
      let message = try OutgoingMessage(request, using: arenas)
      try await client.unary(
        ObservationLogClient.path, message, timeout: min(EarlyStoppingLimits.fetchTimeout, left)
      ) { bytes throws(Status) in
        try reading.take(bytes)
      }
      let (values, lineCount) = try reading.finish()
      return Reading(average: MedianStopping.average(values), isEmpty: lineCount == 0)
    } catch {
      throw ErrorStatus.replyStatus(of: error)
    }
  }

  private func sharedThreads() -> IOThreads {
    threads.withLock { threads in
      if let threads { return threads }
      let made = IOThreads()
      threads = made
      return made
    }
  }
}

/// The walk through one log, filled on the I/O thread.
private final class LogReading: Sendable {
  private let walk: Mutex<ObservationLogWalk>

  init(_ scope: AverageScope) {
    walk = Mutex(
      ObservationLogWalk(
        metricName: scope.metricName,
        count: min(scope.startStep, EarlyStoppingLimits.heldValues)))
  }

  func take(_ bytes: UnsafeRawBufferPointer) throws(Status) {
    do {
      try walk.withLock { try $0.read(bytes) }
    } catch {
      throw ErrorStatus.replyStatus(of: error)
    }
  }

  /// The values, and how many lines of any kind there were.
  func finish() throws -> (values: [Double], lineCount: Int) {
    try walk.withLock { walk in
      try walk.finish()
      return (walk.values, walk.lineCount)
    }
  }
}
