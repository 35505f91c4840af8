// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import KatibAPI

/// The median stopping rule: a trial that after `start_step` reports is worse than the median of
/// what finished trials had at that time is not worth finishing.
///
/// Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (KDD 2017), section 3.2.1:
/// a trial is stopped at step s when its best objective value so far is strictly worse than the
/// median of the running averages of all completed trials over their steps 1...s. Here s is fixed:
/// Katib attaches the rule when it makes a trial, and its metrics collector compares the trial's
/// best value with the rule once, at the report number `start_step`.
///
/// What surprises: Katib's own service of this name returns the mean of the averages, and one
/// diverged trial then moves the threshold past every other trial. This is the median. A trial with
/// fewer than `start_step` reports counts with what it has, as it does in Katib; reports that are
/// no finite numbers do not count. Equal values survive, since the comparison is strict.
struct MedianStopping: Sendable {
  static let name = "medianstop"

  static let minTrialsRequired = Setting.whole(
    "min_trials_required", default: 3, atLeast: 1,
    summary: "Trials that must have succeeded before there is a rule.",
    refusal: { name, _ in "\(name) must be greater than zero (>0)" })

  /// What a rule can carry.
  private static let startSteps = 1...Int(Int32.max)

  static let startStep = Setting<Int>(
    "start_step", default: 4, defaultText: "4", valid: validStartStep,
    summary: "The report at which a trial is compared; averages run over as many reports.",
    refusal: { name, value in
      let isTooLarge = (SettingParse.whole(value) ?? 0) > startSteps.upperBound
      return isTooLarge
        ? "\(name) is \(Quoted.text(value)), it must be \(validStartStep)"
        : "\(name) must be greater or equal than one (>=1)"
    },
    parse: SettingParse.whole, accepts: startSteps.contains)

  private static let validStartStep =
    "a whole number from \(startSteps.lowerBound) to \(startSteps.upperBound)"

  static let settings = [minTrialsRequired.row, startStep.row]

  let minTrialsRequired: Int
  let startStep: Int

  /// - Throws: `InvalidExperiment` for another algorithm, and for settings that are unknown or out
  ///   of range.
  init(_ spec: EarlyStoppingSpec) throws(InvalidExperiment) {
    guard spec.algorithmName == MedianStopping.name else {
      throw InvalidExperiment("unknown algorithm name \(Quoted.shortened(spec.algorithmName))")
    }
    let settings = try Settings(
      spec.settings, declared: MedianStopping.settings, algorithm: MedianStopping.name,
      acceptsUnknown: false)
    minTrialsRequired = settings[MedianStopping.minTrialsRequired]
    startStep = settings[MedianStopping.startStep]
  }

  /// The rule for the next trials, or nil while too few averages are known.
  /// - Parameter averages: of each trial that succeeded and has reports, ``average(_:)`` of its first
  ///   `startStep` reports.
  func rule(_ averages: [Double], objective: Objective) -> EarlyStoppingRule? {
    guard averages.count >= minTrialsRequired,
      let threshold = MedianStopping.median(averages)
    else { return nil }
    return EarlyStoppingRule(
      metricName: objective.metricName, value: NumberText.text(threshold),
      comparison: objective.direction == .maximize ? .less : .greater, startStep: startStep)
  }

  /// The arithmetic mean of finite numbers; nil of none.
  static func average(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    // A sum can overflow where the mean does not.
    return mean.isFinite ? mean : values.reduce(0) { $0 + $1 / count }
  }

  /// The middle value, or the mean of the two middle ones; nil of no numbers at all.
  static func median(_ values: [Double]) -> Double? {
    let sorted = values.sorted()
    guard let upper = sorted.dropFirst(sorted.count / 2).first else { return nil }
    guard sorted.count.isMultiple(of: 2) else { return upper }
    return average([sorted[sorted.count / 2 - 1], upper])
  }
}
