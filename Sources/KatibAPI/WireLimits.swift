// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every limit of the decoder, with its reason.
///
/// Katib keeps all assignments of an Experiment in one object of at most 1.5 MiB, which bounds
/// honest histories at about 14,500 trials of one parameter or 1,400 trials of twenty. The limits
/// leave ample room above that, for people who call the service themselves, and still keep what
/// one request can make us allocate far below the 100 MiB of a pod.
public enum WireLimits {
  /// Trials in one request. A trial can be two bytes on the wire and 100 bytes decoded, so the
  /// size of the message alone bounds nothing: 16 MiB could hold eight million of them.
  public static let mostTrials = 100_000

  /// Cells of the history, trials times parameters, at eight bytes or more each. Both factors come
  /// from the request, and a product can be huge where both are small: 10,000 parameters and
  /// 10,000 empty trials fit into 200 KB.
  public static let mostCells = 2_000_000

  /// Parameters of one experiment, those of neural architecture operations included. Each costs a
  /// few hundred bytes once it is checked, from as little as two bytes on the wire.
  public static let mostParameters = 10_000

  /// List entries of all parameters of one experiment. Each is a text and an entry of an index.
  public static let mostListEntries = 200_000

  /// Assignments of all trials, times parameters: the comparisons it may take to find out which
  /// parameter each assignment belongs to. Honest ones come in the order of the search space and
  /// take one; a request made of unknown names could take 10^11 otherwise.
  public static let mostLookups = 1_000_000_000

  /// Bytes of C structures that one trial or one experiment may unpack into, which is up to sixty
  /// times its size on the wire. Repeating a field of message type makes protobuf-c merge over
  /// and over, in quadratic time; merged copies count against this too, so it also stops that.
  public static let largestArena = 32 << 20

  /// Bytes of C structures that every worker keeps, outside the memory budget, so that a small
  /// request costs neither a reservation nor a page fault.
  public static let arenaFloor = 64 << 10

  /// Bytes of one line of an observation log: a time, a metric's name, a number. Longer ones are
  /// passed over, since a line has to be held while it arrives.
  public static let longestLogLine = 64 << 10

  /// How deep messages and groups may nest. Ours nest five deep; groups exist only in fields we
  /// do not know. Other implementations stop at 100 or 10,000; recursion on a worker's stack is
  /// the reason to stop at all.
  public static let deepestNesting = 64
}
