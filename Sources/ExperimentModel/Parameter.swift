// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One parameter of the search space, checked, with its values reachable by coordinate and text.
///
/// Three numbers must not be confused:
/// - a *number* is the parameter's value (0.001), NaN where a category has none;
/// - a *reading* is what a history column keeps of an assignment: the number, or for a
///   categorical parameter the index of its list entry; NaN when missing or unreadable;
/// - a *coordinate* is what an optimiser's point holds (see `Axis`).
///
/// A class, although a value: it is passed around for every value of every trial, and copies of
/// its lists' references would cost more than the arithmetic.
public final class Parameter: Sendable {
  public let name: String
  public let kind: ParameterKind
  let nameBytes: [UInt8]
  let domain: Domain

  /// A parameter that has been checked; see the initialiser that checks.
  init(name: String, kind: ParameterKind, domain: Domain) {
    self.name = name
    self.kind = kind
    nameBytes = Array(name.utf8)
    self.domain = domain
  }

  enum Domain: Sendable {
    /// A continuous range: minimum, maximum and the map to [0, 1].
    case interval(minimum: Double, maximum: Double, Prior)
    /// An INT, or a DOUBLE with a step; the prior is nil when uniform.
    case grid(NumberGrid, Prior?)
    /// A list of numbers in ascending order; the texts go out verbatim.
    case ordinal(numbers: [Double], texts: [String])
    /// A list of texts; `index` finds an entry.
    case categorical(texts: [String], index: TextIndex)
  }

  /// The number of different values; nil when continuous.
  public var cardinality: Int? {
    switch domain {
    case .interval(let minimum, let maximum, _): minimum == maximum ? 1 : nil
    case .grid(let grid, _): grid.count
    case .ordinal(let numbers, _): numbers.count
    case .categorical(let texts, _): texts.count
    }
  }

  /// True when there is only one value, so that there is nothing to choose.
  public var isConstant: Bool { cardinality == 1 }

  /// True for DOUBLE, INT, and DISCRETE lists whose entries are all numbers.
  public var isOrdered: Bool {
    if case .categorical = domain { false } else { true }
  }

  /// The numbers of a DISCRETE list, ascending; nil for every other parameter.
  public var listNumbers: [Double]? {
    if case .ordinal(let numbers, _) = domain { numbers } else { nil }
  }

  public var axis: Axis {
    switch domain {
    case .interval: .continuous
    case .grid(let grid, let prior): .grid(GridAxis(grid, prior))
    case .ordinal(let numbers, _): .grid(GridAxis(count: numbers.count))
    case .categorical(let texts, _): .categorical(count: texts.count)
    }
  }

  /// The coordinate that `u`, uniform on [0, 1), draws under the declared prior.
  public func coordinate(unit u: Double) -> Double {
    switch domain {
    case .interval: u
    case .grid(let grid, let prior): Double(GridAxis(grid, prior).index(at: u))
    case .ordinal(let numbers, _): Double(GridAxis(count: numbers.count).index(at: u))
    case .categorical(let texts, _): Double(GridAxis(count: texts.count).index(at: u))
    }
  }

  /// The value at `coordinate`; NaN for a category.
  public func number(_ coordinate: Double) -> Double {
    switch domain {
    case .interval(let minimum, let maximum, let prior):
      minimum == maximum ? minimum : min(max(prior.value(coordinate), minimum), maximum)
    case .grid(let grid, _): grid.value(at: Int(coordinate))
    case .ordinal(let numbers, _): numbers[Int(coordinate)]
    case .categorical: .nan
    }
  }

  /// What Katib is told: list entries verbatim, integers without a decimal point, doubles as the
  /// shortest text that reads back.
  public func text(_ coordinate: Double) -> String {
    switch domain {
    case .interval: NumberText.text(number(coordinate))
    case .grid(let grid, _): grid.text(at: Int(coordinate))
    case .ordinal(_, let texts): texts[Int(coordinate)]
    case .categorical(let texts, _): texts[Int(coordinate)]
    }
  }

  /// The length in bytes of the longest text that a value can have.
  public var longestText: Int {
    switch domain {
    // A double's shortest text has at most 24 characters, an integer within 2^53 at most 17.
    case .interval, .grid: 24
    case .ordinal(_, let texts), .categorical(let texts, _):
      texts.reduce(0) { max($0, $1.utf8.count) }
    }
  }

  /// What Katib is told of a reading that this parameter contains: a user's own 0.001 goes out as
  /// 0.001, without the detour through the unit interval.
  public func text(ofReading reading: Double) -> String {
    if case .interval = domain { return NumberText.text(reading) }
    return text(coordinate(ofReading: reading))
  }

  /// The reading of an assignment's text: number or category index; NaN when it is neither.
  public func reading(_ text: UnsafeBufferPointer<UInt8>) -> Double {
    if case .categorical(_, let index) = domain {
      return index[text].map(Double.init) ?? .nan
    }
    return NumberText.parse(text) ?? .nan
  }

  public func reading(_ text: String) -> Double {
    var text = text
    return text.withUTF8 { reading($0) }
  }

  /// The reading of this parameter's own value at `coordinate`, so that what was suggested and
  /// what comes back can be compared.
  public func reading(ofCoordinate coordinate: Double) -> Double {
    isOrdered ? number(coordinate) : coordinate
  }

  /// The coordinate nearest to a reading: values from elsewhere may lie off the grid or outside
  /// the range. NaN stays NaN.
  public func coordinate(ofReading reading: Double) -> Double {
    guard !reading.isNaN else { return .nan }
    switch domain {
    case .interval(let minimum, let maximum, let prior):
      return minimum == maximum ? 0 : prior.unit(min(max(reading, minimum), maximum))
    case .grid(let grid, _):
      return Double(grid.index(nearest: reading))
    case .ordinal(let numbers, _):
      return Double(Parameter.nearest(reading, in: numbers))
    case .categorical:
      return reading
    }
  }

  /// The coordinate in [0, 1] of a reading on an ordered parameter: cell centre on a grid.
  public func unit(ofReading reading: Double) -> Double {
    let coordinate = coordinate(ofReading: reading)
    guard !coordinate.isNaN, case .grid(let grid) = axis else { return coordinate }
    return grid.center(Int(coordinate))
  }

  /// The reading of this parameter's own value nearest to `reading`: moved into the range, onto
  /// the grid, to an entry of the list. NaN stays NaN, and so does what is no category.
  public func nearest(reading: Double) -> Double {
    if case .interval(let minimum, let maximum, _) = domain {
      return reading.isNaN ? .nan : min(max(reading, minimum), maximum)
    }
    let coordinate = coordinate(ofReading: reading)
    return coordinate.isNaN ? .nan : self.reading(ofCoordinate: coordinate)
  }

  /// True when `reading` is one of this parameter's own values.
  public func contains(reading: Double) -> Bool {
    guard !reading.isNaN else { return false }
    switch domain {
    case .interval(let minimum, let maximum, _): return reading >= minimum && reading <= maximum
    case .categorical: return true
    default: return number(coordinate(ofReading: reading)) == reading
    }
  }

  /// The grid's own value where `reading` is one but for binary noise: another implementation may
  /// have written 0.30000000000000004 for 0.3, and the point is the same.
  public func canonical(reading: Double) -> Double {
    guard case .grid(let grid, _) = domain else { return reading }
    return grid.canonical(reading)
  }

  /// The index of the entry nearest to `number` in an ascending list.
  private static func nearest(_ number: Double, in numbers: [Double]) -> Int {
    var low = 0
    var high = numbers.count - 1
    while low < high {
      let middle = (low + high) / 2
      if numbers[middle] < number { low = middle + 1 } else { high = middle }
    }
    if low > 0, number - numbers[low - 1] <= numbers[low] - number { return low - 1 }
    return low
  }
}
