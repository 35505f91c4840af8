// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import FoundationEssentials

/// The setting `initial_points` as JSON spells it, before the search space is known.
public struct InitialPointTexts: Sendable {
  public let points: [[String: String]]
  /// Where something stands that can be no point or no parameter's value, in words.
  let problem: String?

  public init(points: [[String: String]]) {
    self.points = points
    problem = nil
  }

  /// nil when `text` is not a JSON array, or too long.
  public init?(_ text: String) {
    guard text.utf8.count <= AlgorithmLimits.initialPointsBytes,
      let bytes = text.data(using: .utf8)
    else { return nil }
    let decoder = JSONDecoder()
    if let points = try? decoder.decode([Point].self, from: bytes) {
      problem = InitialPointTexts.problem(points)
      self.points = points.map { $0.values?.compactMapValues(\.text) ?? [:] }
      return
    }
    // Python writes NaN and Infinity, which JSON does not have and JSON5 does. Read so, the text
    // tells where they stand; nothing else of JSON5 is let in.
    decoder.allowsJSON5 = true
    guard let points = try? decoder.decode([Point].self, from: bytes),
      let problem = InitialPointTexts.problem(points)
    else { return nil }
    self.problem = problem
    self.points = []
  }

  private static func problem(_ points: [Point]) -> String? {
    for (i, point) in points.enumerated() {
      guard let values = point.values else {
        return "initial_points[\(i)] must be an object from parameter name to a value"
      }
      for (name, value) in values.sorted(by: { $0.key < $1.key }) where value.text == nil {
        return "initial_points[\(i)]: the value of parameter \(Quoted.text(name)) must be a "
          + "string, a finite number or a boolean"
      }
    }
    return nil
  }

  /// An element of the array.
  private struct Point: Decodable {
    /// nil: no object.
    let values: [String: Scalar]?

    init(from decoder: any Decoder) throws {
      values = try? decoder.singleValueContainer().decode([String: Scalar].self)
    }
  }

  /// A JSON value that can be a parameter's value; the text is nil of one that cannot.
  private struct Scalar: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self.text = text
      } else if let whole = try? container.decode(Int.self) {
        text = String(whole)
      } else if let flag = try? container.decode(Bool.self) {
        text = flag ? "true" : "false"
      } else {
        let number = try? container.decode(Double.self)
        text = number.flatMap { $0.isFinite ? NumberText.text($0) : nil }
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
        guard let text = point[parameter.name] else {
          readings.append(nil)
          continue
        }
        // 0.30000000000000004 is what a program that counts in doubles calls 0.3.
        let reading = parameter.canonical(reading: parameter.reading(text))
        guard parameter.contains(reading: reading) else {
          throw InvalidExperiment(
            "initial_points[\(i)]: \(Quoted.text(text)) is not a feasible value of parameter "
              + "\(Quoted.text(parameter.name)), it must be \(parameter.validValues)")
        }
        readings.append(reading)
      }
      all.append(readings)
    }
    readings = all
  }
}
