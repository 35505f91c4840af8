// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the services, with its reason.
public enum ServiceLimits {
  /// The most suggestions in one reply. A controller asks for at most parallelTrialCount, and
  /// 10,000 is twice what a Suggestion object of a single small parameter can sensibly take at
  /// once; more is a mistake, and is told so instead of filling memory.
  public static let suggestionsPerRequest = 10_000

  /// Requests of more bytes than this are decoded one at a time, so that several large ones at once
  /// cannot add up their decode memory.
  public static let largeRequestBytes = 1 << 20

  /// Requests of at most this many bytes, without trials and for at most `inlineSuggestions`
  /// suggestions, are answered on the I/O thread: handing them to a worker costs more than they do.
  public static let inlineRequestBytes = 8 << 10
  public static let inlineSuggestions = 16

  /// Checked Experiments that are kept for the next request, and the most bytes that the message
  /// of one may have. A pod serves one Experiment, whose settings grow by the seed after the first
  /// call; a server for many people has a few running at a time. An Experiment of this size has some
  /// 200 parameters and takes less than 1 MiB once it is checked.
  public static let keptExperiments = 8
  public static let keptExperimentBytes = 16 << 10

  /// The largest reply, in bytes, judged before it is made. Katib's controller takes replies of up
  /// to 4 MiB; twice that leaves room for the estimate, which takes every value for its longest.
  public static let replyBytes = 8 << 20

  /// What a suggestion takes in memory while a reply is made, for each byte that it takes on the
  /// wire: two Swift strings for each assignment.
  public static let workingBytesPerReplyByte = 3

  /// Replies up to this size are not counted in the memory budget: a worker and a slow reader
  /// hold few of them.
  public static let uncountedReplyBytes = 64 << 10
}
