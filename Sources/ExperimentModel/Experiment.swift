// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// An Experiment as a suggestion service sees it: everything but its trials.
public struct Experiment: Sendable {
  public var name: String
  public var objective: Objective
  public var algorithmName: String
  /// The user's settings, overwritten and extended by what earlier replies returned. Of a
  /// repeated name the last one counts.
  public var algorithmSettings: [SettingText]
  public var parameterSpecs: [ParameterSpec]
  /// 0 when unset.
  public var parallelTrialCount: Int
  /// 0 when unset.
  public var maxTrialCount: Int
  public var neuralArchitecture: NeuralArchitecture?

  public init(
    name: String, objective: Objective = Objective(), algorithmName: String,
    algorithmSettings: [SettingText] = [], parameterSpecs: [ParameterSpec] = [],
    parallelTrialCount: Int = 0, maxTrialCount: Int = 0,
    neuralArchitecture: NeuralArchitecture? = nil
  ) {
    self.name = name
    self.objective = objective
    self.algorithmName = algorithmName
    self.algorithmSettings = algorithmSettings
    self.parameterSpecs = parameterSpecs
    self.parallelTrialCount = parallelTrialCount
    self.maxTrialCount = maxTrialCount
    self.neuralArchitecture = neuralArchitecture
  }
}

/// A setting as it travels: a name and a text.
public struct SettingText: Sendable, Equatable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// A parameter's value in a reply: a name and a text.
public struct Assignment: Sendable, Equatable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}
