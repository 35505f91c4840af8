// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The state of a Trial, by its last condition; the numbers are Katib's.
public enum TrialCondition: Int, Sendable, CaseIterable {
  case created = 0
  case running = 1
  case succeeded = 2
  case killed = 3
  case failed = 4
  case metricsUnavailable = 5
  case earlyStopped = 6
  case unknown = 7
}

/// What a trial means to an optimiser.
public enum TrialRole: Sendable {
  /// Succeeded or stopped early, with a finite objective: an observation.
  case finished
  /// Failed, or finished without a readable finite objective: a place that did not work.
  case failed
  /// Still to be decided.
  case pending
  /// Ended by somebody: final and neutral. It is no observation and no failure, and its point is
  /// not suggested again.
  case killed

  public init(_ condition: TrialCondition, hasObjective: Bool) {
    switch condition {
    case .created, .running, .unknown: self = .pending
    case .killed: self = .killed
    case .failed, .metricsUnavailable: self = .failed
    case .succeeded, .earlyStopped: self = hasObjective ? .finished : .failed
    }
  }
}
