// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials

/// Whatever can mark a Trial as stopped early.
public protocol TrialStatusWriting: Sendable {
  /// Gives the Trial the condition EarlyStopped, unless it has it.
  /// - Parameter time: how long it may take; nil for a time of the writer's own.
  /// - Throws: `KubernetesError`
  func setEarlyStopped(trial: String, within time: Duration?) async throws
}

/// Marks Trials as stopped early through the Kubernetes API.
///
/// Read the Trial, append the condition, write the conditions back with the resource version that
/// was read: when somebody else wrote in between, the API server answers 409 and it begins anew.
/// The write is a merge patch of the status alone, so nothing else of the object passes through
/// this process, and fields that it does not know cannot get lost. A write whose answer was lost
/// may be repeated: the next read finds the condition.
///
/// What may pass is tried again for as long as the caller waits, or half a minute. Katib's metrics
/// collector asks once, after it has ended the training, and takes an error for a failure of the Trial:
/// an API server that restarts must not cost one.
public final class TrialStatusWriter: TrialStatusWriting {
  private let source: ClusterAccessSource
  private let sessions: any APISessionOpening
  private let secondsSince1970: @Sendable () -> Int64
  private let drawPause: @Sendable (ClosedRange<Double>) -> Double

  /// - Parameters:
  ///   - secondsSince1970: the clock that conditions are dated by.
  ///   - drawPause: the length of a pause in seconds, given its bounds.
  package init(
    access: ClusterAccessSource, sessions: any APISessionOpening,
    secondsSince1970: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) },
    drawPause: @escaping @Sendable (ClosedRange<Double>) -> Double = { Double.random(in: $0) }
  ) {
    source = access
    self.sessions = sessions
    self.secondsSince1970 = secondsSince1970
    self.drawPause = drawPause
  }

  public func setEarlyStopped(trial: String, within time: Duration?) async throws {
    try await set(trial, within: time ?? KubernetesLimits.updateTime)
  }

  private func set(_ trial: String, within time: Duration) async throws(KubernetesError) {
    guard TrialStatusWriter.isName(trial) else {
      throw .invalidName(
        "trial_name is \"\(trial.prefix(80))\", it must be the name of a Trial: at most 253 of "
          + "[a-z0-9.-], with a letter or digit at both ends")
    }
    // Longer than anybody waits, and far from an overflow.
    let deadline = ContinuousClock.now + min(time, .seconds(3_600))
    var pause = KubernetesLimits.firstPause
    for attempt in 1... {
      do throws(KubernetesError) {
        // The access is found anew each time: a token may have been replaced under the first try.
        let access = try source.access()
        return try await sessions.withSession(access) { session throws(KubernetesError) in
          try await TrialStatusUpdate(
            session: session, namespace: access.namespace, trial: trial,
            time: secondsSince1970(), deadline: deadline
          ).run()
        }
      } catch {
        let wait = Duration.seconds(drawPause(pause / 2...pause))
        guard error.mayPass(attempt: attempt), ContinuousClock.now + wait < deadline,
          (try? await Task.sleep(for: wait)) != nil
        else { throw error }
        pause = min(2 * pause, KubernetesLimits.longestPause)
      }
    }
  }

  /// A name that Kubernetes takes: a DNS subdomain (RFC 1123).
  static func isName(_ text: String) -> Bool {
    let isAlphanumeric = { (byte: UInt8) in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 253 else {
      return false
    }
    return isAlphanumeric(first) && isAlphanumeric(last) && !text.contains("..")
      && text.utf8.allSatisfy { isAlphanumeric($0) || "-.".utf8.contains($0) }
  }
}

extension KubernetesError {
  /// Whether the same request may go well in a moment.
  fileprivate func mayPass(attempt: Int) -> Bool {
    switch self {
    case .conflict, .unreachable: true
    case .timeout: true
    // A token or an authority that was replaced just now.
    case .refused(401, _), .untrusted: attempt == 1
    case .refused(let code, _): code == 429 || code >= 500
    case .noCluster, .configuration, .invalidName, .unreadable: false
    }
  }
}
