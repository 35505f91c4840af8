// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
public import ExperimentModel

/// A request for suggestions as a client sends it. A server reads ``SuggestionsQuery`` instead.
public struct GetSuggestionsRequest: WireEncodable, Sendable {
  public var experiment: Experiment
  public var trials: [TrialMessage]
  /// How many suggestions to return.
  public var currentRequestNumber: Int
  /// How many suggestions will then have been handed out; 0 when the client does not count.
  public var totalRequestNumber: Int

  public init(
    experiment: Experiment, trials: [TrialMessage] = [], currentRequestNumber: Int,
    totalRequestNumber: Int = 0
  ) {
    self.experiment = experiment
    self.trials = trials
    self.currentRequestNumber = currentRequestNumber
    self.totalRequestNumber = totalRequestNumber
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.GetSuggestionsRequest.self)
      request.pointee.experiment = try experiment.message(arena)
      request.pointee.current_request_number = Int32(clamping: currentRequestNumber)
      request.pointee.total_request_number = Int32(clamping: totalRequestNumber)
      return request
    }
    for trial in trials {
      try sink.add(field: 2) { arena throws(WireError) in try trial.message(arena) }
    }
  }
}

/// What a request for suggestions asks for, and how much it brings: a look at the outermost fields
/// that unpacks nothing and allocates nothing, to decide where the work should be done.
public struct SuggestionsOutline: Sendable, Equatable {
  public let trialCount: Int
  /// How many suggestions to return; whatever the client sent, also a negative number.
  public let currentRequestNumber: Int
  /// How many suggestions will then have been handed out; 0 when the client does not count.
  public let totalRequestNumber: Int
  /// Where the message of the experiment stands in the request; nil when there is none, or it
  /// comes in several pieces. Requests with the same bytes there have the same experiment.
  public let experimentRange: Range<Int>?

  /// - Throws: ``WireError`` when the framing of the outermost fields is broken, or the request
  ///   has more trials than ``WireLimits/mostTrials``.
  public init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    self.init(try TrialsRequestWalk(bytes))
  }

  /// Decodes the trials.
  ///
  /// - Parameters:
  ///   - bytes: the same bytes that this outline was made of.
  ///   - metricName: the experiment's objective metric, for trials that do not name their own.
  ///   - textAssignments: names of assignments to keep as text, see `HistoryBuilder`.
  /// - Throws: ``WireError``; malformed trials are only found here.
  public func history(
    in bytes: UnsafeRawBufferPointer, space: SearchSpace, metricName: String,
    textAssignments: [String] = [], using arenas: ArenaPool
  ) throws(WireError) -> History {
    try TrialsRequestWalk(bytes).history(
      space: space, metricName: metricName, textAssignments: textAssignments, using: arenas)
  }

  fileprivate init(_ walk: TrialsRequestWalk) {
    experimentRange = walk.experimentRange
    trialCount = walk.trialCount
    currentRequestNumber = walk.int32(field: 4)
    totalRequestNumber = walk.int32(field: 5)
  }
}

/// A request for suggestions as a server reads it: everything but the trials, which wait in the
/// wire bytes until the algorithm has said what it wants to know of them.
///
///     let query = try SuggestionsQuery(decoding: bytes, using: arenas)
///     let space = try SearchSpace(query.experiment.parameterSpecs)
///     let history = try query.history(in: bytes, space: space, using: arenas)
public struct SuggestionsQuery: WireDecodable, Sendable {
  public let experiment: Experiment
  public let outline: SuggestionsOutline

  public var trialCount: Int { outline.trialCount }
  /// How many suggestions to return; whatever the client sent, also a negative number.
  public var currentRequestNumber: Int { outline.currentRequestNumber }
  /// How many suggestions will then have been handed out; 0 when the client does not count.
  public var totalRequestNumber: Int { outline.totalRequestNumber }

  /// Decodes all fields but the trials, of which only the framing is checked.
  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    let walk = try TrialsRequestWalk(bytes)
    outline = SuggestionsOutline(walk)
    experiment = try walk.experiment(using: arenas) { message throws(WireError) in
      try Experiment(message)
    }
  }

  /// Decodes the trials.
  ///
  /// - Parameters:
  ///   - bytes: the same bytes that this query was decoded from.
  ///   - textAssignments: names of assignments to keep as text, see `HistoryBuilder`.
  /// - Throws: ``WireError``; malformed trials are only found here.
  public func history(
    in bytes: UnsafeRawBufferPointer, space: SearchSpace, textAssignments: [String] = [],
    using arenas: ArenaPool
  ) throws(WireError) -> History {
    try outline.history(
      in: bytes, space: space, metricName: experiment.objective.metricName,
      textAssignments: textAssignments, using: arenas)
  }
}

/// The reply to a request for suggestions.
public struct GetSuggestionsReply: WireEncodable, WireDecodable, Sendable, Equatable {
  public var suggestions: [Suggestion]
  /// Settings that the controller stores and sends with every later request; none writes no
  /// algorithm at all.
  public var algorithmSettings: [SettingText]
  public var earlyStoppingRules: [EarlyStoppingRule]

  public init(
    suggestions: [Suggestion], algorithmSettings: [SettingText] = [],
    earlyStoppingRules: [EarlyStoppingRule] = []
  ) {
    self.suggestions = suggestions
    self.algorithmSettings = algorithmSettings
    self.earlyStoppingRules = earlyStoppingRules
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    self = try arenas.unpack(bytes, as: C.GetSuggestionsReply.self) { reply in
      GetSuggestionsReply(
        suggestions: elements(reply.n_parameter_assignments, reply.parameter_assignments)
          .map { Suggestion($0.pointee) },
        algorithmSettings: reply.algorithm?.pointee.settings ?? [],
        earlyStoppingRules: elements(reply.n_early_stopping_rules, reply.early_stopping_rules)
          .map { EarlyStoppingRule($0.pointee) })
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    for suggestion in suggestions {
      try sink.add(field: 1) { arena throws(WireError) in try suggestion.message(arena) }
    }
    if algorithmSettings.isEmpty, earlyStoppingRules.isEmpty { return }
    try sink.add { arena throws(WireError) in
      let reply = try arena.make(C.GetSuggestionsReply.self)
      if !algorithmSettings.isEmpty {
        reply.pointee.algorithm = try algorithmSpec("", algorithmSettings, arena)
      }
      (reply.pointee.n_early_stopping_rules, reply.pointee.early_stopping_rules) =
        try arena.rules(earlyStoppingRules)
      return reply
    }
  }
}

extension Suggestion {
  /// Of a repeated label the last one counts, as in every map of protobuf.
  fileprivate init(_ message: C.SuggestedAssignments) {
    var labels: [SettingText] = []
    for entry in elements(message.n_labels, message.labels) {
      let label = SettingText(
        name: string(entry.pointee.key), value: string(entry.pointee.value))
      if let known = labels.firstIndex(where: { $0.name == label.name }) {
        labels[known] = label
      } else {
        labels.append(label)
      }
    }
    self.init(
      assignments: elements(message.n_assignments, message.assignments).map {
        Assignment(name: string($0.pointee.name), value: string($0.pointee.value))
      },
      trialName: string(message.trial_name), labels: labels)
  }

  fileprivate func message(
    _ arena: Arena
  ) throws(WireError) -> UnsafeMutablePointer<C.SuggestedAssignments> {
    let message = try arena.make(C.SuggestedAssignments.self)
    (message.pointee.n_assignments, message.pointee.assignments) =
      try arena.assignments(assignments)
    message.pointee.trial_name = try arena.text(trialName)
    (message.pointee.n_labels, message.pointee.labels) =
      try arena.array(labels) {
        label throws(WireError) -> UnsafeMutablePointer<C.SuggestedLabel>? in
        let entry = try arena.make(C.SuggestedLabel.self)
        entry.pointee.key = try arena.text(label.name)
        entry.pointee.value = try arena.text(label.value)
        return entry
      }
    return message
  }
}

extension TrialsRequestWalk {
  func history(
    space: SearchSpace, metricName: String, textAssignments: [String], using arenas: ArenaPool
  ) throws(WireError) -> History {
    let parameterCount = space.dimension + textAssignments.count
    try checkSize(parameterCount: parameterCount)
    var builder = HistoryBuilder(
      space: space, metricName: metricName, textAssignments: textAssignments,
      capacity: trialCount)
    try addTrials(to: &builder, parameterCount: parameterCount, using: arenas)
    return builder.finish()
  }
}
