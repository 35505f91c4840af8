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
}
