// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Numerics
public import Testing

/// Histories that no algorithm may stumble over.
public struct HistoryCase: Sendable, CustomTestStringConvertible {
  public let name: String
  /// The trials, made of points of a search space.
  public let trials: @Sendable (_ points: [[Assignment]]) -> [TrialFixture]

  public var testDescription: String { name }

  /// The number of points that `trials` is given.
  public static let size = 24

  private init(
    _ name: String, _ trials: @escaping @Sendable ([[Assignment]]) -> [TrialFixture]
  ) {
    self.name = name
    self.trials = trials
  }

  private static func each(
    _ name: String,
    _ trial: @escaping @Sendable (_ i: Int, _ point: [Assignment]) -> TrialFixture
  ) -> HistoryCase {
    HistoryCase(name) { points in points.enumerated().map { trial($0, $1) } }
  }

  private static func metric(_ name: String, _ texts: [String]) -> HistoryCase {
    each(name) { i, point in
      TrialFixture("t\(i)", .succeeded, point, objective: texts[i % texts.count])
    }
  }

  public static let all: [HistoryCase] = [
    HistoryCase("none") { _ in [] },
    each("one of everything") { i, point in
      let condition = TrialCondition.allCases[i % TrialCondition.allCases.count]
      return TrialFixture(
        "t\(i)", condition, point, objective: "\(Double(i * 7 % 11))", startTime: Int64(i),
        completionTime: Int64(i + 5))
    },
    HistoryCase("a single observation") { points in
      points.prefix(1).map { TrialFixture("t", .succeeded, $0, objective: "1.5") }
    },
    each("all pending") { i, point in TrialFixture("t\(i)", .running, point) },
    each("all killed") { i, point in TrialFixture("t\(i)", .killed, point, objective: "1") },
    each("all failed") { i, point in TrialFixture("t\(i)", .failed, point) },
    metric("all equal", ["0.25"]),
    metric("no number", ["nan", "inf", "-inf", "", "unavailable", "0x10", "1_000", "1,5"]),
    metric("some no number", ["1", "nan", "2", "inf", "3", "-inf", "4", "unavailable"]),
    metric("extremes", ["1e300", "-1e300", "1e-300", "0", "-0", "5e-324", "1.8e308"]),
    metric("one outlier", ["1", "2", "1.5", "1e200", "3"]),
    each("no metrics") { i, point in TrialFixture("t\(i)", .succeeded, point) },
    each("another metric") { i, point in
      var trial = TrialFixture("t\(i)", .succeeded, point, objective: "1", metricName: "accuracy")
      if i % 2 == 0 { trial.metricName = "" }
      return trial
    },
    each("stopped early without completion time") { i, point in
      TrialFixture("t\(i)", .earlyStopped, point, objective: "\(i)", startTime: 100)
    },
    each("one second") { i, point in
      TrialFixture(
        "t\(i)", .succeeded, point, objective: "\(i)", startTime: 100, completionTime: 100)
    },
    each("times that make no sense") { i, point in
      TrialFixture(
        "t\(i)", .succeeded, point, objective: "\(i)", startTime: .max - Int64(i),
        completionTime: i % 2 == 0 ? .min : nil)
    },
    each("off the grid and out of range") { i, point in
      let texts = ["0.123456789", "-1e9", "1e9", "3.0000000000000004", "1e300", " 2 "]
      let point = point.map { Assignment(name: $0.name, value: texts[i % texts.count]) }
      return TrialFixture("t\(i)", .succeeded, point, objective: "\(i)")
    },
    each("values that are no values") { i, point in
      let texts = ["", "nan", "inf", "abc", "é\u{0}", "[1]"]
      let point = point.map { Assignment(name: $0.name, value: texts[i % texts.count]) }
      return TrialFixture("t\(i)", .succeeded, point, objective: "\(i)")
    },
    each("assignments missing") { i, point in
      TrialFixture("t\(i)", .succeeded, Array(point.dropFirst(i % 3 + 1)), objective: "\(i)")
    },
    each("no assignments") { i, _ in TrialFixture("t\(i)", .succeeded, [], objective: "\(i)") },
    each("assignments too many, twice and out of order") { i, point in
      let extra = Assignment(name: "nobody's", value: "1")
      return TrialFixture(
        "t\(i)", .succeeded, [extra] + point.reversed() + point, objective: "\(i)")
    },
    each("unknown conditions") { i, point in
      var trial = TrialFixture("t\(i)", .succeeded, point, objective: "\(i)")
      trial.conditionNumber = [8, 99, -1, 1_000_000][i % 4]
      return trial
    },
    each("one name for all") { i, point in
      TrialFixture("same", .succeeded, point, objective: "\(i)", completionTime: 5)
    },
    each("one trial many times") { _, point in
      TrialFixture("same", .succeeded, point, objective: "1", completionTime: 5)
    },
    HistoryCase("one point many times") { points in
      (0..<size).map { TrialFixture("t\($0)", .succeeded, points[0], objective: "\($0 % 5)") }
    },
    each("strange names") { i, point in
      let names = ["", "-", "conformance-", "conformance-zzzzzzzzzzz", "ü", "a\u{0}b", "…"]
      return TrialFixture(names[i % names.count], .succeeded, point, objective: "\(i)")
    },
  ]
}

/// Points to fill histories with.
public enum ExamplePoints {
  /// Independent draws from the Experiment's search space.
  public static func random(
    _ count: Int, in experiment: Experiment, seed: UInt64
  ) throws -> [[Assignment]] {
    let space = try SearchSpace(experiment.parameterSpecs)
    return (0..<count).map { i in
      var random = RandomSource(seed: seed, purpose: "example points", index: UInt64(i))
      return space.assignments(
        coordinates: space.parameters.map { $0.coordinate(unit: random.uniform()) })
    }
  }

  /// A shuffle that a seed repeats.
  public static func shuffled<Element>(_ elements: [Element], seed: UInt64) -> [Element] {
    var random = RandomSource(seed: seed, purpose: "shuffle")
    return elements.shuffled(using: &random)
  }
}
