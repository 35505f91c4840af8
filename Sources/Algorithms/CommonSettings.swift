// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel

/// The settings that every algorithm has, some with exceptions that `Algorithm` names.
public enum CommonSettings {
  public static let randomState = Setting.whole(
    "random_state", defaultText: "drawn, and returned to the controller", atLeast: 0,
    summary: "The seed. The same seed, Experiment and history give the same suggestions.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })

  /// The seed of algorithms that do not draw one.
  public static let randomStateZero = Setting.whole(
    "random_state", defaultText: "0", atLeast: 0,
    summary: "The seed. The same seed, Experiment and history give the same suggestions.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })

  /// The seed of algorithms that take it from the Experiment's name.
  public static let randomStateOfName = Setting.whole(
    "random_state", defaultText: "made of the Experiment's name", atLeast: 0,
    summary: "The seed. The same seed, Experiment and history give the same suggestions.",
    refusal: { name, _ in "\(name) should be great or equal than zero" })

  public static let initialPoints = Setting<InitialPointTexts>(
    "initial_points", default: .none, defaultText: "none",
    valid: "a JSON array of objects, each from parameter name to a value, of at most "
      + "\(AlgorithmLimits.initialPointsBytes) bytes, for example [{\"lr\": 0.05}]",
    summary: "Points to try first, for example the best known: point i is suggestion number i. "
      + "Parameters that a point leaves out are sampled.",
    parse: { InitialPointTexts($0) })

  public enum FailedTrials: String, CaseIterable, Sendable {
    case penalize, ignore
  }

  public static let failedTrials = Setting<FailedTrials>.choice(
    "failed_trials", default: .penalize,
    summary: "What a failed trial teaches an algorithm that learns: penalize takes its point for a "
      + "bad one where most trials near it failed, too; ignore learns nothing from it. Either way the "
      + "point is not suggested again.")
}

extension Algorithm {
  /// Every setting that the algorithm takes: its own and the common ones, `failed_trials` in its own
  /// words where it has some.
  public var allSettings: [SettingRow] {
    var rows = settings
    switch seeding {
    case .drawn: rows.append(CommonSettings.randomState.row)
    case .zero: rows.append(CommonSettings.randomStateZero.row)
    case .experimentName: rows.append(CommonSettings.randomStateOfName.row)
    }
    if acceptsInitialPoints { rows.append(CommonSettings.initialPoints.row) }
    let failedTrials = CommonSettings.failedTrials.row
    if !rows.contains(where: { $0.name == failedTrials.name }) { rows.append(failedTrials) }
    return rows
  }
}
