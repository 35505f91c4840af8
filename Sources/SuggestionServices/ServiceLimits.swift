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

  /// The largest reply, in bytes, judged before it is made. Katib's controller takes replies of up
  /// to 4 MiB; twice that leaves room for the estimate, which takes every value for its longest.
  public static let replyBytes = 8 << 20

  /// What a suggestion takes in memory while a reply is made, for each byte that it takes on the
  /// wire: two Swift strings for each assignment.
  public static let workingBytesPerReplyByte = 3

  /// Replies up to this size are not counted in the memory budget: a worker and a slow reader
  /// hold few of them.
  public static let uncountedReplyBytes = 64 << 10

  /// How deep the folders of a checkpoint may be nested: each level holds two descriptors open.
  public static let checkpointDepth = 64

  /// The most entries of one folder of a checkpoint: their names are held in memory, at some 100
  /// bytes each.
  public static let checkpointEntries = 100_000

  /// How much of a file is copied before the copy looks whether anybody still waits for it.
  public static let checkpointPartBytes = 64 << 20

  /// The buffer for copies that the kernel does not make itself.
  public static let checkpointBufferBytes = 1 << 20

  /// After so many seconds without a change an incomplete folder is taken for abandoned. A copy
  /// shows signs of life with each part of a file.
  public static let idleCheckpointSeconds = 600
}
