// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One suggested trial.
public struct Suggestion: Sendable, Equatable {
  /// Every parameter once, in the order of the spec.
  public var assignments: [Assignment]
  /// The name the Trial shall have; empty lets the controller choose.
  public var trialName: String
  /// Labels for the Trial's metadata: for people, since the controller never sends them back.
  public var labels: [SettingText]

  public init(assignments: [Assignment], trialName: String = "", labels: [SettingText] = []) {
    self.assignments = assignments
    self.trialName = trialName
    self.labels = labels
  }
}
