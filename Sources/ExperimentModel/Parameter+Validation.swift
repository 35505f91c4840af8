// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// How a parameter's spelling becomes a parameter, and every way in which it may not.
extension Parameter {
  /// - Throws: `InvalidExperiment` naming the parameter, the field, the value and what is right.
  public convenience init(_ spec: ParameterSpec) throws(InvalidExperiment) {
    guard let kind = ParameterKind(rawValue: spec.kindNumber), kind != .unknown else {
      throw .parameter(
        spec.name,
        "parameter_type is \(spec.kindNumber), it must be DOUBLE, INT, DISCRETE or CATEGORICAL")
    }
    guard let space = spec.feasibleSpace else {
      throw .parameter(spec.name, "feasible_space is missing, every parameter needs one")
    }
    let domain =
      switch kind {
      case .discrete, .categorical:
        try Parameter.list(spec.name, space, mayBeNumbers: kind == .discrete)
      default:
        try Parameter.range(spec.name, space, isInteger: kind == .int)
      }
    self.init(name: spec.name, kind: kind, domain: domain)
  }

  /// Everything but the list is passed over, the distribution too: the entries are drawn alike. So it
  /// is with Katib, which lets an Experiment have a distribution beside a list and gives it no meaning.
  private static func list(
    _ name: String, _ space: FeasibleSpace, mayBeNumbers: Bool
  ) throws(InvalidExperiment) -> Domain {
    let entries = space.list
    guard !entries.isEmpty else {
      let isRange = !space.minimum.isEmpty || !space.maximum.isEmpty
      throw .parameter(
        name,
        "list is empty, it must hold at least one value"
          + (isRange ? "; min and max belong to a DOUBLE or INT" : ""))
    }
    if mayBeNumbers {
      let numbers = entries.compactMap { NumberText.parse($0) }
      if numbers.count == entries.count {
        // Sorted by value; of several spellings of one number the first stays.
        let order = numbers.indices.sorted { (numbers[$0], $0) < (numbers[$1], $1) }
        let distinct = order.enumerated().filter { rank, i in
          rank == 0 || numbers[order[rank - 1]] != numbers[i]
        }.map(\.element)
        return .ordinal(
          numbers: distinct.map { numbers[$0] }, texts: distinct.map { entries[$0] })
      }
    }
    let index = TextIndex(entries)
    return .categorical(texts: index.distinct, index: index)
  }

  private static func range(
    _ name: String, _ space: FeasibleSpace, isInteger: Bool
  ) throws(InvalidExperiment) -> Domain {
    guard let distribution = Distribution(rawValue: space.distributionNumber) else {
      throw .parameter(
        name,
        "distribution is \(space.distributionNumber), it must be UNIFORM, LOG_UNIFORM, NORMAL, "
          + "LOG_NORMAL or unset")
    }
    let minimum = try bound(name, "min", space.minimum, isInteger, space)
    var maximum = try bound(name, "max", space.maximum, isInteger, space)
    guard minimum.value <= maximum.value else {
      throw .parameter(
        name, "min \(Quoted.text(space.minimum)) is greater than max \(Quoted.text(space.maximum))")
    }
    guard (maximum.value - minimum.value).isFinite else {
      throw .parameter(
        name,
        "the distance from min \(Quoted.text(space.minimum)) to max \(Quoted.text(space.maximum)) "
          + "is not a finite double, the range must be narrower")
    }
    if distribution.isLogarithmic, minimum.value <= 0 {
      throw .parameter(
        name,
        "min is \(Quoted.text(space.minimum)), it must be greater than 0 for the distribution "
          + (distribution == .logUniform ? "LOG_UNIFORM" : "LOG_NORMAL"))
    }
    var step = try step(name, space.step, isInteger)
    if isInteger, let fraction = step, fraction.value < 1 {
      // Values are round(min + k * step): below 1 the step reaches every whole number, but the
      // last of them may stop short of max.
      let fine = NumberGrid(minimum: minimum, maximum: maximum, step: fraction, isInteger: true)
      if let fine { maximum = DecimalText(Int(fine.value(at: fine.count - 1))) }
      step = DecimalText(1)
    }
    guard let step else {
      return .interval(
        minimum: minimum.value, maximum: maximum.value,
        Prior(
          distribution, minimum: minimum.value, maximum: maximum.value, lowest: minimum.value,
          highest: maximum.value))
    }
    guard
      let grid = NumberGrid(minimum: minimum, maximum: maximum, step: step, isInteger: isInteger)
    else {
      throw .parameter(
        name,
        space.step.isEmpty
          ? "from min \(Quoted.text(space.minimum)) to max \(Quoted.text(space.maximum)) there are "
            + "more than 2^53 whole numbers, the range must be narrower or have a step"
          : "step \(Quoted.text(space.step)) makes more than 2^53 values between min "
            + "\(Quoted.text(space.minimum)) and max \(Quoted.text(space.maximum)), it must be larger"
      )
    }
    return .grid(grid, gridPrior(distribution, grid))
  }

  /// The map of a grid that is not uniform, half a step wider than the grid at both ends so that
  /// the first and the last value own whole cells.
  private static func gridPrior(_ distribution: Distribution, _ grid: NumberGrid) -> Prior? {
    guard distribution.isLogarithmic || distribution.isNormal, grid.count > 1 else { return nil }
    let last = grid.value(at: grid.count - 1)
    // At the ends of the doubles there may be no half step more.
    let most = Double.greatestFiniteMagnitude
    var lowest = max(grid.minimum - grid.step / 2, -most)
    if distribution.isLogarithmic {
      // Half a step below a small minimum there may be no logarithm left.
      lowest = max(lowest, grid.minimum / 2)
      if lowest <= 0 { lowest = grid.minimum }
    }
    return Prior(
      distribution, minimum: grid.minimum, maximum: grid.maximum, lowest: lowest,
      highest: min(last + grid.step / 2, most))
  }

  private static func bound(
    _ name: String, _ field: String, _ text: String, _ isInteger: Bool, _ space: FeasibleSpace
  ) throws(InvalidExperiment) -> DecimalText {
    guard !text.isEmpty else {
      throw .parameter(
        name,
        "\(field) is missing, it must be a number"
          + (space.list.isEmpty ? "" : "; a list belongs to a DISCRETE or CATEGORICAL"))
    }
    guard let number = DecimalText(text) else {
      throw .parameter(name, "\(field) is \(Quoted.text(text)), it must be a finite number")
    }
    guard isInteger else { return number }
    guard let whole = NumberText.parseWhole(text) else {
      throw .parameter(
        name, "\(field) is \(Quoted.text(text)), an INT needs a whole number within ±2^53")
    }
    return DecimalText(whole)
  }

  /// nil when a DOUBLE has no step and is continuous.
  private static func step(
    _ name: String, _ text: String, _ isInteger: Bool
  ) throws(InvalidExperiment) -> DecimalText? {
    guard !text.isEmpty else { return isInteger ? DecimalText(1) : nil }
    guard let step = DecimalText(text) else {
      throw .parameter(name, "step is \(Quoted.text(text)), it must be a number greater than 0")
    }
    guard step.value > 0 else {
      throw .parameter(name, "step is \(Quoted.text(text)), it must be greater than 0")
    }
    return step
  }
}
