// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import FoundationEssentials

/// The setting `initial_points` as JSON spells it, before the search space is known.
public struct InitialPointTexts: Sendable {
  public let points: [[String: String]]

  public init(points: [[String: String]]) {
    self.points = points
  }

  /// nil when `text` is not a JSON array of objects whose values are strings, numbers or booleans.
  public init?(_ text: String) {
    guard let bytes = text.data(using: .utf8),
      let points = try? JSONDecoder().decode([[String: Scalar]].self, from: bytes)
    else { return nil }
    self.points = points.map { $0.mapValues(\.text) }
  }

  /// A JSON value that can be a parameter's value.
  private struct Scalar: Decodable {
    let text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self.text = text
      } else if let whole = try? container.decode(Int.self) {
        text = String(whole)
      } else if let flag = try? container.decode(Bool.self) {
        text = flag ? "true" : "false"
      } else {
        text = NumberText.text(try container.decode(Double.self))
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
        guard let text = point[parameter.name] else {
          readings.append(nil)
          continue
        }
        let reading = parameter.reading(text)
        guard parameter.contains(reading: reading) else {
          throw InvalidExperiment(
            "initial_points[\(i)]: \(Quoted.text(text)) is not a feasible value of parameter "
              + "\(Quoted.text(parameter.name))")
        }
        readings.append(reading)
      }
      all.append(readings)
    }
    readings = all
  }
}
