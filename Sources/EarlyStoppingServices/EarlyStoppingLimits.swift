// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the early-stopping service, with its reason.
enum EarlyStoppingLimits {
  /// Logs fetched at once, on one connection. The DB manager answers each with a query to its
  /// database, which gains nothing from more; Go's gRPC servers take any number of calls, others
  /// at least 100.
  static let concurrentFetches = 32

  /// The values of logs that are held at once, over all fetches of a call: 6 MiB, and as much again
  /// while they are sorted. It lowers the number of fetches at once where `start_step` is large; past
  /// it, the average is of this many reports, which no trial makes.
  static let heldValues = 1 << 18

  /// Time for one try to fetch a log. The controller waits 60 s for the whole call.
  static let fetchTimeout = Duration.seconds(10)

  /// Time for all fetches of a call when the caller did not set a deadline, and at most: the
  /// controller's 60 s.
  static let callTimeout = Duration.seconds(60)

  /// How long before the caller's deadline fetching ends, so that the answer from what there is
  /// arrives in time; a fifth of the remaining time, and at most this.
  static let answerMargin = Duration.seconds(2)

  /// Tries for one log while the DB manager is unavailable.
  static let fetchTries = 4

  /// The pause before the second try; it doubles with each further one, and its length is drawn
  /// between half of that and the whole.
  static let firstPause = Duration.milliseconds(100)

  /// Logs in a row that could not be fetched, all tries included, after which the rest is left
  /// alone: a DB manager that is down would otherwise cost every trial its tries.
  static let failuresInARow = 8

  /// Averages kept of logs that have been read: twice the trials of the largest Experiment that
  /// fits Katib's 1.5 MiB objects, in about 6 MB.
  static let keptAverages = 32_768
}
