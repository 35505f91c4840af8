// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
public import ExperimentModel

/// An early-stopping algorithm with its settings.
public struct EarlyStoppingSpec: Sendable, Equatable {
  public var algorithmName: String
  public var settings: [SettingText]

  public init(algorithmName: String, settings: [SettingText] = []) {
    self.algorithmName = algorithmName
    self.settings = settings
  }

  init(_ message: C.EarlyStoppingSpec?) {
    algorithmName = string(message?.algorithm_name)
    settings =
      message.map { message in
        elements(message.n_algorithm_settings, message.algorithm_settings).map {
          SettingText(name: string($0.pointee.name), value: string($0.pointee.value))
        }
      } ?? []
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.EarlyStoppingSpec> {
    let message = try arena.make(C.EarlyStoppingSpec.self)
    message.pointee.algorithm_name = try arena.text(algorithmName)
    (message.pointee.n_algorithm_settings, message.pointee.algorithm_settings) =
      try arena.array(settings) {
        setting throws(WireError) -> UnsafeMutablePointer<C.EarlyStoppingSetting>? in
        let entry = try arena.make(C.EarlyStoppingSetting.self)
        entry.pointee.name = try arena.text(setting.name)
        entry.pointee.value = try arena.text(setting.value)
        return entry
      }
    return message
  }
}

/// A request for early-stopping rules as a client sends it.
public struct GetEarlyStoppingRulesRequest: WireEncodable, Sendable {
  public var experiment: Experiment
  public var earlyStopping: EarlyStoppingSpec?
  public var trials: [TrialMessage]
  /// host:port of the DBManager.
  public var dbManagerAddress: String

  public init(
    experiment: Experiment, earlyStopping: EarlyStoppingSpec? = nil, trials: [TrialMessage] = [],
    dbManagerAddress: String
  ) {
    self.experiment = experiment
    self.earlyStopping = earlyStopping
    self.trials = trials
    self.dbManagerAddress = dbManagerAddress
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.GetEarlyStoppingRulesRequest.self)
      let message = try experiment.message(arena)
      message.pointee.spec.pointee.early_stopping = try earlyStopping?.message(arena)
      request.pointee.experiment = message
      request.pointee.db_manager_address = try arena.text(dbManagerAddress)
      return request
    }
    for trial in trials {
      try sink.add(field: 2) { arena throws(WireError) in try trial.message(arena) }
    }
  }
}

/// A request for early-stopping rules as a server reads it; see ``SuggestionsQuery``.
public struct EarlyStoppingQuery: WireDecodable, Sendable {
  public let experiment: Experiment
  public let earlyStopping: EarlyStoppingSpec
  public let trialCount: Int
  /// host:port of the DBManager.
  public let dbManagerAddress: String

  /// Decodes all fields but the trials, of which only the framing is checked.
  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    let walk = try TrialsRequestWalk(bytes)
    (experiment, earlyStopping) = try walk.experiment(using: arenas) { message throws(WireError) in
      (
        try Experiment(message), EarlyStoppingSpec(message?.spec?.pointee.early_stopping?.pointee)
      )
    }
    trialCount = walk.trialCount
    dbManagerAddress = try walk.text(field: 3)
  }

  /// Decodes the trials; with an empty space only names, conditions, times and objectives.
  ///
  /// - Parameter bytes: the same bytes that this query was decoded from.
  public func history(
    in bytes: UnsafeRawBufferPointer, space: SearchSpace, using arenas: ArenaPool
  ) throws(WireError) -> History {
    let walk = try TrialsRequestWalk(bytes)
    return try walk.history(
      space: space, metricName: experiment.objective.metricName, textAssignments: [],
      using: arenas)
  }
}

/// The rules for the trials to come.
public struct GetEarlyStoppingRulesReply: WireEncodable, WireDecodable, Sendable, Equatable {
  public var rules: [EarlyStoppingRule]

  public init(rules: [EarlyStoppingRule]) {
    self.rules = rules
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    rules = try arenas.unpack(bytes, as: C.GetEarlyStoppingRulesReply.self) { reply in
      elements(reply.n_early_stopping_rules, reply.early_stopping_rules)
        .map { EarlyStoppingRule($0.pointee) }
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let reply = try arena.make(C.GetEarlyStoppingRulesReply.self)
      (reply.pointee.n_early_stopping_rules, reply.pointee.early_stopping_rules) =
        try arena.rules(rules)
      return reply
    }
  }
}

/// The question whether early-stopping settings make sense.
public struct ValidateEarlyStoppingSettingsRequest:
  WireEncodable, WireDecodable, Sendable, Equatable
{
  public var earlyStopping: EarlyStoppingSpec

  public init(earlyStopping: EarlyStoppingSpec) {
    self.earlyStopping = earlyStopping
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    earlyStopping = try arenas.unpack(bytes, as: C.ValidateEarlyStoppingSettingsRequest.self) {
      EarlyStoppingSpec($0.early_stopping?.pointee)
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.ValidateEarlyStoppingSettingsRequest.self)
      request.pointee.early_stopping = try earlyStopping.message(arena)
      return request
    }
  }
}

/// "A rule has fired in this trial."
public struct SetTrialStatusRequest: WireEncodable, WireDecodable, Sendable, Equatable {
  public var trialName: String

  public init(trialName: String) {
    self.trialName = trialName
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    trialName = try arenas.unpack(bytes, as: C.SetTrialStatusRequest.self) {
      string($0.trial_name)
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.SetTrialStatusRequest.self)
      request.pointee.trial_name = try arena.text(trialName)
      return request
    }
  }
}
