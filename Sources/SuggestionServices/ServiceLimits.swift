// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import CommonServices

/// Every bound of the suggestion service, with its reason.
extension ServiceLimits {
  /// The most suggestions in one reply. A controller asks for at most parallelTrialCount, which
  /// validation bounds by this, and 10,000 is twice what a Suggestion object of a single small
  /// parameter can sensibly take at once; more is a mistake, and is told so instead of filling memory.
  package static let suggestionsPerRequest = 10_000

  /// Requests of at most this many bytes, without trials and for at most `inlineSuggestions`
  /// suggestions of `inlineAssignments` values in all, are answered on the I/O thread: handing them to
  /// a worker costs more than they do. The bytes alone say little: 420 parameters in 8 KiB took
  /// `cmaes` 60 ms, and a network of 256 layers in 400 bytes half of that.
  package static let inlineRequestBytes = 8 << 10
  package static let inlineSuggestions = 16
  package static let inlineAssignments = 200

  /// Checked Experiments that are kept for the next request, and the most bytes that the message
  /// of one may have. A pod serves one Experiment, whose settings grow by the seed after the first
  /// call; a server for many people has a few running at a time. An Experiment of this size has some
  /// 200 parameters and takes less than 1 MiB once it is checked.
  package static let keptExperiments = 8
  package static let keptExperimentBytes = 16 << 10

  /// The largest reply, in bytes. Katib's controller takes messages of up to 4 MiB, the default of
  /// Go's gRPC: of a larger one it sees an error, and asks for the same again, for ever.
  package static let replyBytes = 4 << 20

  /// The part of a reply that is left to settings. The longest, the record of open issues of
  /// `hyperband`, takes two thirds of it.
  package static let replySettingsBytes = 64 << 10

  /// Up to this size, judged before it is made, a reply is made at all. The judgement takes every
  /// value for its longest, so what is made often turns out to be half as large.
  package static let estimatedReplyBytes = 8 << 20

  /// What a suggestion takes in memory while a reply is made, for each byte that it takes on the
  /// wire: two Swift strings for each assignment.
  package static let workingBytesPerReplyByte = 3

  /// What an algorithm takes in memory for each byte of a history that it works with: the history and
  /// a model of it. Counted no higher than the request was.
  package static let workingBytesPerHistoryByte = 2

  /// How deep the folders of a checkpoint may be nested: each level holds two descriptors open.
  package static let checkpointDepth = 64

  /// The most entries of one folder of a checkpoint: their names are held in memory, at some 100
  /// bytes each.
  package static let checkpointEntries = 100_000

  /// How much of a file is copied before the copy looks whether anybody still waits for it.
  package static let checkpointPartBytes = 64 << 20

  /// The buffer for copies that the kernel does not make itself.
  package static let checkpointBufferBytes = 1 << 20

  /// After so many seconds without a change an incomplete folder is taken for abandoned. A copy
  /// shows signs of life with each part of a file.
  package static let idleCheckpointSeconds = 600
}
