// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public import ExperimentModel

/// A search algorithm: the contract between the server and everything that suggests trials.
///
/// An algorithm keeps nothing. Each request brings the whole history, and the reply is a function
/// of the request alone: any process, on any replica, gives the same one. Randomness comes from
/// `RandomSource` with the request's seed, the name of a purpose and the position; work is bounded
/// by counting operations, never by looking at a clock.
///
/// A reply holds exactly `request.count` suggestions, always: anything else leaves the Experiment
/// stuck. So `suggest` may refuse an Experiment only for what its own `validate` refuses too.
///
/// Adding one: a file or folder here, a line in `Registry`, a test file. The conformance suite runs
/// over the registry.
public protocol Algorithm: Sendable {
  /// `algorithm_name` in the Experiment.
  var name: String { get }

  /// One or two sentences for the documentation: what it does and when to choose it.
  var summary: String { get }

  /// The settings of its own; those that every algorithm has are added by the registry's rules.
  var settings: [SettingRow] { get }

  /// True where Katib's image of that name passes over settings it does not know.
  var acceptsUnknownSettings: Bool { get }

  /// True where settings that nobody here knows go on to the trial, so that they are not passed over
  /// after all.
  var passesUnknownSettingsOn: Bool { get }

  /// Where the seed comes from when the Experiment does not set `random_state`.
  var seeding: Seeding { get }

  /// Whether `initial_points` is a setting of this algorithm.
  var acceptsInitialPoints: Bool { get }

  /// Whether the algorithm itself puts the initial points into its reply, because they need names
  /// of its choosing or values that it sets. It takes them from `SuggestionRequest.initialPoints`.
  var placesInitialPoints: Bool { get }

  /// Whether trials have folders on a volume, which the server prepares before it replies (see
  /// `CheckpointFolder`).
  var keepsCheckpoints: Bool { get }

  /// Assignments to keep as text in the history, for algorithms whose parameters are not those of
  /// the search space.
  var textAssignments: [String] { get }

  /// The most bytes that one suggestion can take on the wire, where it is not made of the search
  /// space's parameters; nil where it is.
  func largestSuggestionBytes(_ problem: Problem) -> Int?

  /// What this algorithm demands beyond a sound search space and sound settings.
  /// - Throws: `InvalidExperiment`; the message is shown to the user.
  func validate(_ problem: Problem) throws(InvalidExperiment)

  /// - Returns: exactly `request.count` suggestions.
  /// - Throws: `InvalidExperiment`, or what `request.checkCancellation` throws.
  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply
}

extension Algorithm {
  public var settings: [SettingRow] { [] }
  public var acceptsUnknownSettings: Bool { false }
  public var passesUnknownSettingsOn: Bool { false }
  public var seeding: Seeding { .drawn }
  public var acceptsInitialPoints: Bool { true }
  public var placesInitialPoints: Bool { false }
  public var keepsCheckpoints: Bool { false }
  public var textAssignments: [String] { [] }
  public func largestSuggestionBytes(_ problem: Problem) -> Int? { nil }
  public func validate(_ problem: Problem) throws(InvalidExperiment) {}
}

/// Where a seed comes from when the Experiment does not set one.
public enum Seeding: Sendable {
  /// Drawn once and returned as setting `random_state`: the controller keeps it in the
  /// Suggestion's status and sends it from then on, so every run can be repeated afterwards.
  case drawn
  /// 0.
  case zero
  /// A hash of the Experiment's name; nothing is returned.
  case experimentName
}

/// What an algorithm is asked. A class, although a value: it holds a dozen references, which every
/// copy would count.
public final class SuggestionRequest: Sendable {
  public let problem: Problem
  public let history: History
  /// The number of suggestions wanted, at least 1.
  public let count: Int
  /// Suggestions issued before the first of these: it indexes sequences and picks random streams.
  /// It is not the number of trials in the history, which may hide some and show others.
  public let position: Int
  public let seed: UInt64
  /// The Kubernetes namespace of this process, which names chosen for trials must hash in.
  public let namespace: String
  /// Readings of points that this very reply already holds (from `initial_points`).
  public let alreadyInReply: [[Double]]
  /// Throws when nobody waits for the reply any more. Call it between expensive steps.
  public let checkCancellation: @Sendable () throws -> Void

  init(
    problem: Problem, history: consuming History, count: Int, position: Int, seed: UInt64,
    namespace: String, alreadyInReply: [[Double]],
    checkCancellation: @escaping @Sendable () throws -> Void
  ) {
    self.problem = problem
    self.history = history
    self.count = count
    self.position = position
    self.seed = seed
    self.namespace = namespace
    self.alreadyInReply = alreadyInReply
    self.checkCancellation = checkCancellation
  }

  public var space: SearchSpace { problem.space }
  public var settings: Settings { problem.settings }
  public var experiment: Experiment { problem.experiment }

  /// Complete readings of the initial points that this reply begins with: for algorithms that place them
  /// themselves.
  /// - Parameter ignoring: a parameter that the algorithm itself sets.
  func initialPoints(ignoring: Int? = nil) -> ArraySlice<[Double]> {
    problem.openInitialPoints(history, position: position, seed: seed, ignoring: ignoring)
      .prefix(count)
  }
}

/// What an algorithm answers.
public struct SuggestionReply: Sendable {
  public var suggestions: [Suggestion]
  /// Settings for the controller to keep and send back with every later request.
  public var settings: [SettingText] = []
  /// What an operator should read in the log.
  public var notices: [String] = []
  /// Folders that must stand on the volume before the reply goes out.
  public var checkpoints: [CheckpointFolder] = []

  public init(suggestions: [Suggestion], notices: [String] = []) {
    self.suggestions = suggestions
    self.notices = notices
  }
}

/// A trial's folder on the volume: a copy of its parent's, or empty.
public struct CheckpointFolder: Sendable, Equatable {
  public var trialName: String
  /// nil for a trial that starts from nothing.
  public var parentName: String?

  public init(trialName: String, parentName: String?) {
    self.trialName = trialName
    self.parentName = parentName
  }
}
