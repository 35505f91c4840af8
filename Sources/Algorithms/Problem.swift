// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel
internal import Numerics

/// An Experiment that has been checked, with the algorithm that serves it.
///
/// This is the one way in: whoever holds a `Problem` holds a sound search space and sound settings.
public final class Problem: Sendable {
  public let experiment: Experiment
  public let algorithm: any Algorithm
  public let space: SearchSpace
  public let settings: Settings
  /// A history of this search space without trials.
  public let emptyHistory: History
  let initialPoints: InitialPoints
  /// The setting `random_state`, where it is given and the algorithm has it.
  private let givenSeed: Int?

  /// How much is refused.
  public enum Strictness: Sendable {
    /// All that could go wrong later, and every typing error: nothing that passes may fail later.
    case validation
    /// Only what makes an answer impossible. Unknown settings are passed over: they may come from
    /// another image that served the Experiment before.
    case suggestion
  }

  /// - Throws: `InvalidExperiment` for an unknown algorithm, an unsound search space or setting,
  ///   and, at validation, for whatever else the algorithm demands.
  public init(
    _ experiment: Experiment, registry: Registry, strictness: Strictness
  ) throws(InvalidExperiment) {
    self.experiment = experiment
    algorithm = try registry.algorithm(named: experiment.algorithmName)
    space = try SearchSpace(experiment.parameterSpecs)
    emptyHistory = HistoryBuilder(
      space: space, metricName: "", textAssignments: algorithm.textAssignments
    ).finish()
    settings = try Settings(
      experiment.algorithmSettings, declared: algorithm.allSettings, algorithm: algorithm.name,
      acceptsUnknown: algorithm.acceptsUnknownSettings || strictness == .suggestion)
    initialPoints = try InitialPoints(
      algorithm.acceptsInitialPoints ? settings[CommonSettings.initialPoints] : .none, in: space)
    givenSeed =
      switch algorithm.seeding {
      case .drawn: settings[CommonSettings.randomState]
      case .zero: settings[CommonSettings.randomStateZero]
      case .experimentName: settings[CommonSettings.randomStateOfName]
      }
    // The lengths and tags of an assignment, and those of a suggestion with its trial name; with
    // checkpoints go labels, of which one is the parent's name.
    parametersBytes = space.parameters.reduce(algorithm.keepsCheckpoints ? 320 : 64) {
      $0 + $1.name.utf8.count + $1.longestText + 12
    }
    unknownSettings =
      algorithm.passesUnknownSettingsOn
      ? [] : settings.unknownNames(declared: algorithm.allSettings)
    if strictness == .validation { try algorithm.validate(self) }
  }

  /// The number of positions that `initial_points` fills.
  public var initialPointCount: Int { initialPoints.readings.count }

  /// The most bytes that one suggestion of this Experiment can take on the wire, as far as its
  /// parameters tell: each with its name and its longest value.
  public var largestSuggestionBytes: Int {
    algorithm.largestSuggestionBytes(self) ?? parametersBytes
  }

  private let parametersBytes: Int

  /// Names of settings that were passed over; worth a log line.
  public let unknownSettings: [String]

  /// Suggestions issued before this request: `total - current` where the request says so, else the
  /// number of trials that it shows (people who debug by hand send no total).
  public static func position(current: Int, total: Int, visibleTrials: Int) -> Int {
    total >= current && current > 0 ? total - current : visibleTrials
  }

  /// - Parameters:
  ///   - count: the number of suggestions wanted, at least 0.
  ///   - position: see `position(current:total:visibleTrials:)`.
  ///   - namespace: the Kubernetes namespace of this process; empty outside a cluster.
  ///   - drawSeed: the source of seeds for Experiments that have none yet.
  ///   - checkCancellation: throws when nobody waits for the reply any more.
  /// - Returns: exactly `count` suggestions.
  public func suggest(
    history: consuming History, count: Int, position: Int, namespace: String,
    drawSeed: () -> UInt64, checkCancellation: @escaping @Sendable () throws -> Void
  ) throws -> SuggestionReply {
    guard count > 0 else { return SuggestionReply(suggestions: []) }
    let (seed, returned) = seed(drawSeed)
    let initial =
      algorithm.placesInitialPoints
      ? [] : Array(openInitialPoints(history, position: position, seed: seed).prefix(count))
    var reply = SuggestionReply(suggestions: [])
    if initial.count < count {
      reply = try algorithm.suggest(
        SuggestionRequest(
          problem: self, history: history, count: count - initial.count,
          position: position + initial.count, seed: seed, namespace: namespace,
          alreadyInReply: initial, checkCancellation: checkCancellation))
    }
    if !initial.isEmpty {
      let first = initial.map { readings in
        Suggestion(
          assignments: zip(space.parameters, readings).map {
            Assignment(name: $0.name, value: $0.text(ofReading: $1))
          })
      }
      reply.suggestions.insert(contentsOf: first, at: 0)
    }
    reply.settings += returned
    return reply
  }

  /// The seed, and what is to be returned so that it comes back.
  private func seed(_ draw: () -> UInt64) -> (UInt64, returned: [SettingText]) {
    switch algorithm.seeding {
    case .zero:
      return (UInt64(givenSeed ?? 0), [])
    case .experimentName:
      if let givenSeed { return (UInt64(givenSeed), []) }
      return (
        experiment.name.utf8.reduce(0) { RandomSource.mix($0 ^ UInt64($1)) }, []
      )
    case .drawn:
      if let givenSeed { return (UInt64(givenSeed), []) }
      // Katib's own images read the seed into 32-bit generators.
      let drawn = draw() & 0x7fff_ffff
      let name = CommonSettings.randomState.row.name
      return (drawn, [SettingText(name: name, value: String(drawn))])
    }
  }

  /// Complete readings of all initial points, in order.
  func initialReadings(seed: UInt64) -> [[Double]] {
    initialPoints.readings.indices.map { initialReadings(of: $0, seed: seed) }
  }

  private func initialReadings(of i: Int, seed: UInt64) -> [Double] {
    var random = RandomSource(seed: seed, purpose: "initial point", index: UInt64(i))
    return zip(space.parameters, initialPoints.readings[i]).map { parameter, reading in
      // Drawn also where it is given: the other values must not depend on which are.
      let drawn = parameter.coordinate(unit: random.uniform())
      return reading ?? parameter.reading(ofCoordinate: drawn)
    }
  }

  /// The initial points that are still to be issued, in order: as many as the position says.
  ///
  /// Point `i` goes to position `i`. But when the parallelism is lowered, trials are deleted in any
  /// order, and the position tells how many points there are to issue, not which. Those that show in the
  /// history are not among them, and of the others the last are: an earlier one that does not show has
  /// vanished, more likely. Where that leaves too few (a same-named Experiment elsewhere began with the
  /// same points), the position decides alone.
  /// - Parameter ignoring: a parameter that the algorithm itself sets.
  func openInitialPoints(
    _ history: borrowing History, position: Int, seed: UInt64, ignoring: Int? = nil
  ) -> [[Double]] {
    guard position < initialPointCount else { return [] }
    let all = initialReadings(seed: seed)
    let open = initialPointCount - max(0, position)
    guard position > 0, history.count > 0 else { return all.suffix(open) }
    var shown: [PointKey: Int] = [:]
    for trial in 0..<history.count {
      shown[key(history.readings(ofTrial: trial), ignoring), default: 0] += 1
    }
    let absent = all.filter { readings in
      let key = key(readings, ignoring)
      guard let count = shown[key], count > 0 else { return true }
      shown[key] = count - 1
      return false
    }
    return absent.count >= open ? absent.suffix(open) : all.suffix(open)
  }

  private func key(_ readings: [Double], _ ignored: Int?) -> PointKey {
    var readings = readings
    if let ignored { readings[ignored] = .nan }
    return space.key(readings: readings)
  }
}
