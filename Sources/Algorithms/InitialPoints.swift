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

  public init(points: [[String: Value]]) {
    self.points = points
  }

  /// nil when `text` is not a JSON array of objects whose values are strings, numbers or booleans.
  public init?(_ text: String) {
    guard text.utf8.count <= AlgorithmLimits.initialPointsBytes,
      (try? InitialPointTexts.decode(text)) != nil
    else { return nil }
    // A decoder keeps of a number its value alone. So the numbers, sound ones by now, are replaced
    // by their places in a list of the texts, and what is decoded are those places.
    let (places, numbers) = InitialPointTexts.withoutNumbers(text)
    guard let points = try? InitialPointTexts.decode(places) else { return nil }
    self.points = points.map { point in
      point.mapValues { scalar in
        switch scalar {
        case .text(let text): .text(text)
        case .flag(let flag): .flag(flag)
        case .number(let place): .number(numbers[Int(place)])
        }
      }
    }
  }

  private static func decode(_ text: String) throws -> [[String: Scalar]] {
    try JSONDecoder().decode([[String: Scalar]].self, from: Data(text.utf8))
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

  private enum Scalar: Decodable {
    case text(String)
    case number(Double)
    case flag(Bool)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let flag = try? container.decode(Bool.self) {
        self = .flag(flag)
      } else {
        self = .number(try container.decode(Double.self))
      }
    }
  }
}

/// Initial points checked against a search space: one reading per parameter, nil where the point
/// leaves the parameter out.
struct InitialPoints: Sendable {
  let readings: [[Double?]]

  init(_ texts: InitialPointTexts, in space: SearchSpace) throws(InvalidExperiment) {
    var all: [[Double?]] = []
    for (i, point) in texts.points.enumerated() {
      for name in point.keys.sorted() where space.index(of: name) == nil {
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
    let reading = parameter.reading(value.text)
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
          + "\(Quoted.text(parameter.name))")
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
