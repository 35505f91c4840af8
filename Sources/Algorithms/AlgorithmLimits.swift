// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the algorithms on what an Experiment may ask, with its reason.
enum AlgorithmLimits {
  /// The longest text of `initial_points`, in bytes: over a thousand points of ten parameters. As
  /// decoded JSON it takes up to a hundred times as much memory, which must fit the pod.
  static let initialPointsBytes = 128 << 10
}
