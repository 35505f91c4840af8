// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the algorithms on what an Experiment may ask, with its reason.
enum AlgorithmLimits {
  /// The longest text of `initial_points`, in bytes: over a thousand points of ten parameters. As
  /// decoded JSON it takes up to a hundred times as much memory, which must fit the pod.
  static let initialPointsBytes = 128 << 10

  /// Suggestions of one request that a model makes; what is asked for beyond comes from the engine's
  /// own distribution without one. Katib gives a call 60 s, a pod half a core, and a request may ask
  /// for 10,000: each point joins the model as a pending one, so the cost grows with the square.
  /// Nobody runs so many trials at once; the numbers are what takes some seconds.
  static let gaussianProcessSuggestions = 100
  static let parzenSuggestions = 1_000
  static let screenedSuggestions = 1_000
}
