// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The settings of `enas`: Katib's, with its defaults and ranges. "None" switches a part off where
/// Katib's image knows that word.
enum ENASSettings {
  static let rows = [
    hiddenSize.row, temperature.row, tanhConstant.row, entropyWeight.row, baselineDecay.row,
    learningRate.row, skipTarget.row, skipWeight.row, trainSteps.row, logEverySteps.row,
  ]

  /// - Returns: the training that the settings describe, and what the operator should know of it.
  static func training(_ settings: Settings) -> (ControllerTraining, notices: [String]) {
    var training = ControllerTraining()
    var notices: [String] = []
    let hidden = settings[hiddenSize]
    training.hidden = min(hidden, AlgorithmLimits.controllerHiddenSize)
    if hidden > training.hidden {
      notices.append("controller_hidden_size \(hidden) is taken for \(training.hidden)")
    }
    training.temperature = settings[temperature]
    training.tanhConstant = settings[tanhConstant]
    training.entropyWeight = settings[entropyWeight] ?? 0
    training.baselineDecay = settings[baselineDecay]
    training.learningRate = settings[learningRate]
    training.skipTarget = settings[skipTarget]
    training.skipWeight = settings[skipWeight] ?? 0
    training.trainSteps = settings[trainSteps]
    let bounded = training.bounded()
    for (row, given, taken) in [
      (temperature.row, training.temperature, bounded.temperature),
      (tanhConstant.row, training.tanhConstant, bounded.tanhConstant),
      (entropyWeight.row, training.entropyWeight, bounded.entropyWeight),
      (skipWeight.row, training.skipWeight, bounded.skipWeight),
    ] {
      guard let given, let taken, given != taken else { continue }
      notices.append("\(row.name) \(given) is taken for \(taken)")
    }
    return (bounded, notices)
  }

  private static let hiddenSize = Setting.whole(
    "controller_hidden_size", default: 64, atLeast: 1,
    summary: "Size of the controller's LSTM; more than \(AlgorithmLimits.controllerHiddenSize) is "
      + "taken for \(AlgorithmLimits.controllerHiddenSize).")
  private static let temperature = positive(
    "controller_temperature", 5,
    "The controller's logits are divided by it; less than 0.01 is taken for 0.01, more than 1e6 for "
      + "1e6.")
  private static let tanhConstant = positive(
    "controller_tanh_const", 2.25,
    "Bound that a tanh gives the controller's logits; more than 100 is taken for 100.")
  private static let entropyWeight = positive(
    "controller_entropy_weight", 1e-5,
    "Weight of the controller's entropy in the reward; more than 1e6 is taken for 1e6.")
  private static let baselineDecay = fraction(
    "controller_baseline_decay", 0.999,
    "Decay of the moving average of rewards that a reward is held against, per train step.")
  private static let learningRate = fraction(
    "controller_learning_rate", 5e-5,
    "Learning rate of one train step; a trial moves the controller controller_train_steps times "
      + "as far.")
  private static let skipTarget = fraction(
    "controller_skip_target", 0.4, "Share of skip connections that the controller is drawn to.")
  private static let skipWeight = positive(
    "controller_skip_weight", 0.8,
    "Weight of that pull in the controller's loss; more than 1e6 is taken for 1e6.")
  private static let trainSteps = Setting.whole(
    "controller_train_steps", default: 50, atLeast: 1,
    summary: "Train steps that each look at a trial stands for.")
  private static let logEverySteps = Setting.whole(
    "controller_log_every_steps", default: 10, atLeast: 1,
    summary: "Accepted as Katib's image does; the training is not logged step by step.")

  /// A number greater than 0, or None.
  private static func positive(
    _ name: String, _ value: Double, _ summary: String
  ) -> Setting<Double?> {
    Setting<Double?>(
      name, default: value, defaultText: NumberText.text(value),
      valid: "a number greater than 0, or None", summary: summary + " None: not at all.",
      parse: { text in text == "None" ? .some(nil) : NumberText.parse(text).map { .some($0) } },
      accepts: { $0.map { $0 > 0 } ?? true })
  }

  /// A number in (0, 1].
  private static func fraction(
    _ name: String, _ value: Double, _ summary: String
  ) -> Setting<Double> {
    Setting.number(
      name, default: value, valid: "a number greater than 0 and at most 1", summary: summary,
      accepts: { $0 > 0 && $0 <= 1 })
  }
}
