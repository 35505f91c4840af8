// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Glibc
internal import Numerics

/// How hyperparameters change from parent to child.
///
/// A number is multiplied by 0.8 or 1.2, moved into its range and onto its grid; a list goes one
/// entry up or down and stops at its ends. With a resampling probability each hyperparameter is
/// instead drawn anew with that probability, from its declared distribution, and kept otherwise.
///
/// What surprises: a factor alone would leave some values for ever. An integer that the factor does
/// not carry to the next value moves by one value, and zero moves by a twentieth of its range.
struct Exploration {
  let space: SearchSpace
  /// nil: perturb.
  let resampleProbability: Double?

  private static let factors = (down: 0.8, up: 1.2)
  private static let partOfRange = 0.05
  /// Digits that a product keeps: 0.1 · 0.8 is 0.08, not 0.08000000000000002.
  private static let significantDigits = 12.0

  /// The readings of a child's hyperparameters.
  func child(of parent: [Double], using random: inout RandomSource) -> [Double] {
    zip(space.parameters, parent).map { parameter, reading in
      let own = parameter.nearest(reading: reading)
      guard !own.isNaN else { return draw(parameter, using: &random) }
      guard let resampleProbability else { return perturbed(parameter, own, using: &random) }
      return random.uniform() < resampleProbability ? draw(parameter, using: &random) : own
    }
  }

  /// The parent's own values, drawn where it has none.
  func copy(of parent: [Double], using random: inout RandomSource) -> [Double] {
    zip(space.parameters, parent).map { parameter, reading in
      let own = parameter.nearest(reading: reading)
      return own.isNaN ? draw(parameter, using: &random) : own
    }
  }

  /// The coordinates of a point drawn from the declared distributions.
  func newcomer(using random: inout RandomSource) -> [Double] {
    space.parameters.map { $0.coordinate(unit: random.uniform()) }
  }

  private func draw(_ parameter: Parameter, using random: inout RandomSource) -> Double {
    parameter.reading(ofCoordinate: parameter.coordinate(unit: random.uniform()))
  }

  private func perturbed(
    _ parameter: Parameter, _ reading: Double, using random: inout RandomSource
  ) -> Double {
    let isUp = random.uniform() < 0.5
    let factor = isUp ? Exploration.factors.up : Exploration.factors.down
    guard let count = parameter.axis.count else {
      let product = Exploration.rounded(reading * factor)
      guard reading == 0 else { return parameter.nearest(reading: product) }
      let range = parameter.number(1) - parameter.number(0)
      return parameter.nearest(reading: (isUp ? 1 : -1) * range * Exploration.partOfRange)
    }
    let index = parameter.coordinate(ofReading: reading)
    var moved = index
    if parameter.isOrdered, parameter.listNumbers == nil {
      moved = parameter.coordinate(ofReading: reading * factor)
    }
    if moved == index {
      // Away from zero is up for a positive number and down for a negative one.
      let isIncrease = parameter.isOrdered && reading < 0 ? !isUp : isUp
      moved = min(max(index + (isIncrease ? 1 : -1), 0), Double(count - 1))
    }
    return parameter.reading(ofCoordinate: moved)
  }

  private static func rounded(_ value: Double) -> Double {
    guard value != 0 else { return value }
    let scale = pow(10, significantDigits - 1 - log10(abs(value)).rounded(.down))
    let scaled = (value * scale).rounded() / scale
    return scaled.isFinite && scale.isFinite ? scaled : value
  }
}
