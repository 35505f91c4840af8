// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

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

  /// A member of a point. Of several of one name the first counts.
  public struct Member: Sendable, Equatable {
    public let name: String
    public let value: Value
  }

  /// The members of all points, one point after another: most points are small, and an array for
  /// each would cost more than to read it.
  private let members: [Member]
  /// Where the members of each point end.
  private let ends: [Int]
  /// Where something stands that can be no point or no parameter's value, in words.
  let problem: String?

  /// No points.
  public static let none = InitialPointTexts(members: [], ends: [], problem: nil)

  private init(members: [Member], ends: [Int], problem: String?) {
    self.members = members
    self.ends = ends
    self.problem = problem
  }

  /// nil when `text` is not a JSON array, or too long.
  public init?(_ text: String) {
    guard text.utf8.count <= AlgorithmLimits.initialPointsBytes else { return nil }
    var reader = InitialPointReader(text)
    do throws(InitialPointReader.Fault) {
      try reader.read()
      self.init(members: reader.members, ends: reader.ends, problem: nil)
    } catch {
      guard case .problem(let problem) = error else { return nil }
      self.init(members: [], ends: [], problem: problem)
    }
  }

  /// The number of points.
  public var count: Int { ends.count }

  /// The members of a point, in the order of the text.
  public subscript(point: Int) -> ArraySlice<Member> {
    members[(point == 0 ? 0 : ends[point - 1])..<ends[point]]
  }
}

/// Initial points checked against a search space: one reading per parameter, nil where the point
/// leaves the parameter out.
struct InitialPoints: Sendable {
  let readings: [[Double?]]

  init(_ texts: InitialPointTexts, in space: SearchSpace) throws(InvalidExperiment) {
    if let problem = texts.problem { throw InvalidExperiment(problem) }
    guard texts.count > 0 else {
      readings = []
      return
    }
    let (cells, overflow) = texts.count.multipliedReportingOverflow(by: space.dimension)
    guard !overflow, cells <= AlgorithmLimits.initialPointValues else {
      throw InvalidExperiment(
        "initial_points has \(texts.count) points of \(space.dimension) parameters, at most "
          + "\(AlgorithmLimits.initialPointValues) values are allowed, those left out included")
    }
    var places: [String: Int] = [:]
    places.reserveCapacity(space.dimension)
    for (i, parameter) in space.parameters.enumerated() { places[parameter.name] = i }
    // Made for those parameters alone for which a point needs it.
    var meanings: [Int: EntryMeanings] = [:]
    // Points that leave everything out share this one's memory.
    let empty = [Double?](repeating: nil, count: space.dimension)
    var all: [[Double?]] = []
    all.reserveCapacity(texts.count)
    for point in 0..<texts.count {
      var readings = empty
      for member in texts[point] {
        guard let place = places[member.name] else {
          throw InvalidExperiment(
            "initial_points[\(point)] names \(Quoted.text(member.name)), which is no parameter")
        }
        guard readings[place] == nil else { continue }
        do throws(InvalidExperiment) {
          readings[place] = try InitialPoints.reading(
            member.value, of: space.parameters[place], &meanings[place])
        } catch {
          throw InvalidExperiment("initial_points[\(point)]: \(error.message)")
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
    _ value: InitialPointTexts.Value, of parameter: Parameter, _ meanings: inout EntryMeanings?
  ) throws(InvalidExperiment) -> Double {
    // 0.30000000000000004 is what a program that counts in doubles calls 0.3.
    let reading = parameter.canonical(reading: parameter.reading(value.text))
    if parameter.contains(reading: reading) { return reading }
    guard let entries = InitialPoints.entries(value, of: parameter, &meanings) else {
      throw InvalidExperiment(
        "\(Quoted.text(value.text)) is not a feasible value of parameter "
          + "\(Quoted.text(parameter.name)), it must be \(parameter.validValues)")
    }
    if let second = entries.second {
      throw InvalidExperiment(
        "\(value.text) could be \(Quoted.text(parameter.text(Double(entries.first)))) as well as "
          + "\(Quoted.text(parameter.text(Double(second)))) in the list of parameter "
          + "\(Quoted.text(parameter.name)), write the one that is meant as a string")
    }
    return Double(entries.first)
  }

  /// The entries of a list of texts that mean the same number or truth value.
  private static func entries(
    _ value: InitialPointTexts.Value, of parameter: Parameter, _ meanings: inout EntryMeanings?
  ) -> EntryMeanings.Entries? {
    // A string means nothing but itself.
    if case .text = value { return nil }
    guard !parameter.isOrdered, let count = parameter.cardinality else { return nil }
    let known = meanings ?? EntryMeanings((0..<count).lazy.map { parameter.text(Double($0)) })
    meanings = known
    return known[value]
  }
}

/// The entries of a list by what they mean as numbers and as truth values.
///
/// A list may have as many entries as there are points: to compare each of them with each entry
/// would take seconds for a request of 64 KiB.
private struct EntryMeanings {
  /// The entries of one meaning, as many as a message names.
  struct Entries {
    let first: Int
    var second: Int?
  }

  private var numbers: [Double: Entries] = [:]
  private var flags: [Bool: Entries] = [:]

  init(_ texts: some Sequence<String>) {
    for (entry, text) in texts.enumerated() {
      if let number = NumberText.parse(text) {
        EntryMeanings.add(entry, to: &numbers[number])
      } else if let flag = EntryMeanings.flag(text) {
        EntryMeanings.add(entry, to: &flags[flag])
      }
    }
  }

  subscript(value: InitialPointTexts.Value) -> Entries? {
    switch value {
    case .text: nil
    case .number(let text): NumberText.parse(text).flatMap { numbers[$0] }
    case .flag(let flag): flags[flag]
    }
  }

  private static func add(_ entry: Int, to entries: inout Entries?) {
    if entries == nil {
      entries = Entries(first: entry)
    } else if entries?.second == nil {
      entries?.second = entry
    }
  }

  private static func flag(_ text: String) -> Bool? {
    guard text.utf8.count <= "false".utf8.count else { return nil }
    return switch text.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }
}
