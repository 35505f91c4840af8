// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The four kinds of parameter that Katib knows, and the one it sends when it knows none.
public enum ParameterKind: Int, Sendable, CaseIterable {
  case unknown = 0
  case double = 1
  case int = 2
  case discrete = 3
  case categorical = 4
}

/// A parameter exactly as the Experiment spells it: every number still a text.
public struct ParameterSpec: Sendable, Equatable {
  public var name: String
  /// The wire's number; `ParameterKind` where it is one.
  public var kindNumber: Int
  /// nil when the message lacked the feasible space altogether.
  public var feasibleSpace: FeasibleSpace?

  public init(name: String, kindNumber: Int, feasibleSpace: FeasibleSpace?) {
    self.name = name
    self.kindNumber = kindNumber
    self.feasibleSpace = feasibleSpace
  }

  public init(name: String, kind: ParameterKind, feasibleSpace: FeasibleSpace?) {
    self.init(name: name, kindNumber: kind.rawValue, feasibleSpace: feasibleSpace)
  }
}

/// The values a parameter may take, as the Experiment spells them.
public struct FeasibleSpace: Sendable, Equatable {
  public var minimum: String
  public var maximum: String
  public var step: String
  public var list: [String]
  /// The wire's number; `Distribution` where it is one.
  public var distributionNumber: Int

  public init(
    minimum: String = "", maximum: String = "", step: String = "", list: [String] = [],
    distributionNumber: Int = 0
  ) {
    self.minimum = minimum
    self.maximum = maximum
    self.step = step
    self.list = list
    self.distributionNumber = distributionNumber
  }

  public init(
    minimum: String = "", maximum: String = "", step: String = "", list: [String] = [],
    distribution: Distribution
  ) {
    self.init(
      minimum: minimum, maximum: maximum, step: step, list: list,
      distributionNumber: distribution.rawValue)
  }
}
