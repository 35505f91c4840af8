// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// How a numeric parameter is spread over its range, in Katib's words.
public enum Distribution: Int, Sendable, CaseIterable {
  case unspecified = 0
  case uniform = 1
  case logUniform = 2
  case normal = 3
  case logNormal = 4

  /// True when the scale is logarithmic, so that every value must be positive.
  public var isLogarithmic: Bool { self == .logUniform || self == .logNormal }

  /// True when values gather around the middle of the range.
  public var isNormal: Bool { self == .normal || self == .logNormal }
}
