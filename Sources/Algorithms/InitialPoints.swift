// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import FoundationEssentials

/// The setting `initial_points` as JSON spells it, before the search space is known.
public struct InitialPointTexts: Sendable {
  /// A JSON value that can be a parameter's value.
  public enum Value: Sendable, Equatable {
    case text(String)
    /// A number as it is written: 1.0 is not 1 where a list has both as entries.
    case number(String)
    case flag(Bool)

    /// What is looked for first, letter by letter.
    var text: String {
      switch self {
      case .text(let text), .number(let text): text
      case .flag(let flag): flag ? "true" : "false"
      }
    }
  }

  public let points: [[String: Value]]
  /// Where something stands that can be no point or no parameter's value, in words.
  let problem: String?

  public init(points: [[String: Value]]) {
    self.points = points
    problem = nil
  }

  /// nil when `text` is not a JSON array, or too long.
  public init?(_ text: String) {
    guard text.utf8.count <= AlgorithmLimits.initialPointsBytes else { return nil }
    if let points = InitialPointTexts.decode(text) {
      problem = InitialPointTexts.problem(points)
      self.points = problem == nil ? InitialPointTexts.values(text) : []
      return
    }
    // Python writes NaN and Infinity, which JSON does not have and JSON5 does. Read so, the text
    // tells where they stand; nothing else of JSON5 is let in.
    guard let points = InitialPointTexts.decode(text, allowsJSON5: true),
      let problem = InitialPointTexts.problem(points)
    else { return nil }
    self.problem = problem
    self.points = []
  }

  private static func decode(_ text: String, allowsJSON5: Bool = false) -> [Point]? {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = allowsJSON5
    return try? decoder.decode([Point].self, from: Data(text.utf8))
  }

  private static func problem(_ points: [Point]) -> String? {
    for (i, point) in points.enumerated() {
      guard let values = point.values else {
        return "initial_points[\(i)] must be an object from parameter name to a value"
      }
      for (name, value) in values.sorted(by: { $0.key < $1.key }) where !value.isUsable {
        return "initial_points[\(i)]: the value of parameter \(Quoted.text(name)) must be a "
          + "string, a finite number or a boolean"
      }
    }
    return nil
  }

  /// The points of JSON without a problem.
  ///
  /// A decoder keeps of a number its value alone. So the numbers are replaced by their places in a
  /// list of their texts, and what is decoded are those places.
  private static func values(_ text: String) -> [[String: Value]] {
    let (places, numbers) = withoutNumbers(text)
    return (decode(places) ?? []).map { point in
      (point.values ?? [:]).compactMapValues { scalar in
        switch scalar {
        case .text(let text): .text(text)
        case .flag(let flag): .flag(flag)
        case .number(let place): .number(numbers[Int(place)])
        case .other: nil
        }
      }
    }
  }

  /// Sound JSON with every number replaced by its place in `numbers`.
  private static func withoutNumbers(_ text: String) -> (places: String, numbers: [String]) {
    let bytes = Array(text.utf8)
    let signs = Array("+-.eE".utf8)
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    var places: [UInt8] = []
    var numbers: [String] = []
    var isInString = false
    var i = 0
    while i < bytes.count {
      let byte = bytes[i]
      if !isInString, digits.contains(byte) || byte == UInt8(ascii: "-") {
        let end =
          bytes[i...].firstIndex { !digits.contains($0) && !signs.contains($0) } ?? bytes.count
        places += Array(String(numbers.count).utf8)
        numbers.append(String(decoding: bytes[i..<end], as: UTF8.self))
        i = end
        continue
      }
      if byte == UInt8(ascii: "\"") { isInString.toggle() }
      // What is escaped, a quotation mark for one, ends nothing.
      let length = isInString && byte == UInt8(ascii: "\\") ? 2 : 1
      places += bytes[i..<min(i + length, bytes.count)]
      i += length
    }
    return (String(decoding: places, as: UTF8.self), numbers)
  }

  /// An element of the array.
  private struct Point: Decodable {
    /// nil: no object.
    let values: [String: Scalar]?

    init(from decoder: any Decoder) throws {
      values = try? decoder.singleValueContainer().decode([String: Scalar].self)
    }
  }

  private enum Scalar: Decodable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case other

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else {
        self = .other
      }
    }

    var isUsable: Bool {
      switch self {
      case .text, .flag: true
      case .number(let number): number.isFinite
      case .other: false
      }
    }
  }
}

/// Initial points checked against a search space: one reading per parameter, nil where the point
/// leaves the parameter out.
struct InitialPoints: Sendable {
  let readings: [[Double?]]

  init(_ texts: InitialPointTexts, in space: SearchSpace) throws(InvalidExperiment) {
    if let problem = texts.problem { throw InvalidExperiment(problem) }
    let (cells, overflow) = texts.points.count.multipliedReportingOverflow(by: space.dimension)
    guard !overflow, cells <= AlgorithmLimits.initialPointValues else {
      throw InvalidExperiment(
        "initial_points has \(texts.points.count) points of \(space.dimension) parameters, at most "
          + "\(AlgorithmLimits.initialPointValues) values are allowed, those left out included")
    }
    let names = Set(space.parameters.map(\.name))
    var all: [[Double?]] = []
    for (i, point) in texts.points.enumerated() {
      for name in point.keys.sorted() where !names.contains(name) {
        throw InvalidExperiment(
          "initial_points[\(i)] names \(Quoted.text(name)), which is no parameter")
      }
      var readings: [Double?] = []
      for parameter in space.parameters {
        guard let value = point[parameter.name] else {
          readings.append(nil)
          continue
        }
        do throws(InvalidExperiment) {
          readings.append(try InitialPoints.reading(value, of: parameter))
        } catch {
          throw InvalidExperiment("initial_points[\(i)]: \(error.message)")
        }
      }
      all.append(readings)
    }
    readings = all
  }

  /// Of a list of texts the entry that is spelled like the value; where there is none, the one that
  /// means the same number or truth value: JSON from another program has 0.001 where the list has
  /// 1e-3, and true where it has True.
  private static func reading(
    _ value: InitialPointTexts.Value, of parameter: Parameter
  ) throws(InvalidExperiment) -> Double {
    // 0.30000000000000004 is what a program that counts in doubles calls 0.3.
    let reading = parameter.canonical(reading: parameter.reading(value.text))
    if parameter.contains(reading: reading) { return reading }
    let entries = parameter.isOrdered ? 0 : parameter.cardinality ?? 0
    let equal = (0..<entries).filter { isEqual(value, parameter.text(Double($0))) }
    guard equal.count < 2 else {
      throw InvalidExperiment(
        "\(value.text) could be \(Quoted.text(parameter.text(Double(equal[0])))) as well as "
          + "\(Quoted.text(parameter.text(Double(equal[1])))) in the list of parameter "
          + "\(Quoted.text(parameter.name)), write the one that is meant as a string")
    }
    guard let entry = equal.first else {
      throw InvalidExperiment(
        "\(Quoted.text(value.text)) is not a feasible value of parameter "
          + "\(Quoted.text(parameter.name)), it must be \(parameter.validValues)")
    }
    return Double(entry)
  }

  private static func isEqual(_ value: InitialPointTexts.Value, _ entry: String) -> Bool {
    switch value {
    case .text: false
    case .number(let text): NumberText.parse(text).map { $0 == NumberText.parse(entry) } ?? false
    case .flag: entry.lowercased() == value.text
    }
  }
}
