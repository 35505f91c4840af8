// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How the controller is trained: REINFORCE on every trial's own reward, replayed from the history.
///
/// The trials are walked in the order in which they ended, over and over while the budget lasts,
/// the latest ones alone where even one walk is too long; the last step is the latest trial's. At
/// each trial the controller runs over its architecture and makes one step of Adam on
///
///     -(R + entropyWeight · entropy - baseline) · ln p(architecture) + skipWeight · KL
///
/// with a moving average of R as the baseline. Looking at a trial again with a later controller is
/// off-policy; nothing corrects for that, because most trials were not drawn from the controller in
/// the first place, and the bounded logits keep it from running away.
///
/// What surprises is the unit of the settings. Katib's image makes trainSteps tiny steps per call,
/// all on one averaged reward. Here one step per look at a trial stands for them: it is trainSteps
/// times the learning rate long, which is how far Adam moves in so many steps of one direction, and
/// the baseline decays trainSteps times. The defaults (50 steps of 5e-5, decay 0.999) make a step
/// of 0.0025 and a decay of 0.951.
struct ControllerTraining: Sendable {
  var hidden = 64
  /// nil: logits are not divided.
  var temperature: Double? = 5
  /// nil: logits are not bounded.
  var tanhConstant: Double? = 2.25
  var entropyWeight = 1e-5
  var baselineDecay = 0.999
  var learningRate = 5e-5
  var skipTarget = 0.4
  var skipWeight = 0.8
  var trainSteps = 50
  /// Looks at trials that a training may take: more teach nothing (docs/ablations-enas.md).
  var mostSteps = 300
  /// Multiplications that a training may take, some 250 ms on one core: fewer looks for a network
  /// that is much larger than most.
  var budget = 2_600_000_000

  /// Below these an untrained controller's logits, which are noise, would no longer be near 0; above
  /// them nothing is left to divide.
  static let temperatures = 0.01...1e6
  /// A probability of e^-200 is as good as unbounded.
  static let largestTanhConstant = 100.0
  /// Of the entropy and of the skip penalty. Adam's steps do not grow with the loss, so a larger
  /// weight would do nothing that this one does not, but overflow.
  static let largestWeight = 1e6

  /// These settings within the bounds above.
  func bounded() -> ControllerTraining {
    var training = self
    let (least, most) = (
      ControllerTraining.temperatures.lowerBound, ControllerTraining.temperatures.upperBound
    )
    training.temperature = temperature.map { min(max($0, least), most) }
    training.tanhConstant = tanhConstant.map { min($0, ControllerTraining.largestTanhConstant) }
    training.entropyWeight = min(entropyWeight, ControllerTraining.largestWeight)
    training.skipWeight = min(skipWeight, ControllerTraining.largestWeight)
    return training
  }

  /// The skip rate before there is a controller.
  var startingSkipRate: Double { skipTarget }

  func shape(_ space: ArchitectureSpace) -> ControllerShape {
    ControllerShape(space: space, hidden: hidden)
  }

  /// Adam's step size. It moves every weight by about this much, so there is no use for more than 1.
  private var stepSize: Float { Float(min(Double(trainSteps) * learningRate, 1)) }

  private var decayPerStep: Float { Float(pow(baselineDecay, Double(trainSteps))) }

  /// The looks at trials that the budget allows: at least one.
  func steps(_ space: ArchitectureSpace) -> Int {
    // A gradient costs twice a run, and Adam about eight multiplications per weight.
    let shape = shape(space)
    let cost = 3 * shape.operationsPerRun + 8 * shape.weightCount
    return min(max(budget / cost, 1), mostSteps)
  }

  /// A controller that has learned from the trials; an untrained one when none has finished. Its
  /// weights are finite whatever the settings.
  /// - Parameter trials: in the order in which they ended; larger rewards are better, nil is a
  ///   failure.
  func trained(
    _ space: ArchitectureSpace, _ trials: [(architecture: Architecture, reward: Double?)],
    seed: UInt64, checkCancellation: () throws -> Void
  ) rethrows -> Controller {
    let shape = shape(space)
    let bounded = bounded()
    let controller = Controller(
      shape, temperature: bounded.temperature, tanhConstant: bounded.tanhConstant, seed: seed)
    guard let rewards = RewardScale.scaled(trials.map(\.reward)) else { return controller }
    let gradient = ControllerGradient(shape)
    let optimizer = AdamOptimizer(count: shape.weightCount)
    let steps = steps(space)
    // The divergence from a target of 0 or 1 is infinite.
    let target = Float(min(max(skipTarget, 1e-3), 1 - 1e-3))
    let decay = decayPerStep
    var baseline: Float = 0
    for step in 0..<steps {
      try checkCancellation()
      // Walks that follow each other without a gap, the last of which ends with the latest trial.
      let back = (steps - 1 - step) % trials.count
      let trial = trials.count - 1 - back
      controller.follow(trials[trial].architecture)
      let reward = rewards[trial] + Float(bounded.entropyWeight) * controller.tape.entropy
      baseline = decay * baseline + (1 - decay) * reward
      gradient.clear()
      controller.addGradient(
        advantage: reward - baseline, skipWeight: Float(bounded.skipWeight), skipTarget: target,
        to: gradient)
      // Settings at the end of their range, in a network of hundreds of layers: what has been learned
      // so far stays, and every further step would begin from there.
      guard optimizer.step(controller.weights, gradient.weights, rate: stepSize) else { break }
    }
    return controller
  }
}
