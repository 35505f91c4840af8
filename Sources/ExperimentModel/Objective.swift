// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What an Experiment optimises.
public struct Objective: Sendable, Equatable {
  public enum Direction: Int, Sendable {
    /// Katib's UNKNOWN also means minimise.
    case minimize = 1
    case maximize = 2
  }

  public var direction: Direction
  /// 0 when unset.
  public var goal: Double
  public var metricName: String
  public var additionalMetricNames: [String]

  public init(
    direction: Direction = .minimize, goal: Double = 0, metricName: String = "",
    additionalMetricNames: [String] = []
  ) {
    self.direction = direction
    self.goal = goal
    self.metricName = metricName
    self.additionalMetricNames = additionalMetricNames
  }
}
