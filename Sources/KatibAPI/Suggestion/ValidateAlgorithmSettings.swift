// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
public import ExperimentModel

/// The question whether an algorithm can work with an experiment.
public struct ValidateAlgorithmSettingsRequest: WireEncodable, WireDecodable, Sendable {
  public var experiment: Experiment

  public init(experiment: Experiment) {
    self.experiment = experiment
  }

  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    experiment = try arenas.unpack(bytes, as: C.ValidateAlgorithmSettingsRequest.self) {
      request throws(WireError) in try Experiment(request.experiment?.pointee)
    }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {
    try sink.add { arena throws(WireError) in
      let request = try arena.make(C.ValidateAlgorithmSettingsRequest.self)
      request.pointee.experiment = try experiment.message(arena)
      return request
    }
  }
}

/// A message without fields: the reply of every call that says yes by answering at all.
public struct EmptyReply: WireEncodable, WireDecodable, Sendable, Equatable {
  public init() {}

  /// Accepts fields that it does not know, as every message does.
  public init(decoding bytes: UnsafeRawBufferPointer, using arenas: ArenaPool) throws(WireError) {
    try arenas.unpack(bytes, as: C.Empty.self) { _ in }
  }

  public func write(to sink: inout MessageSink) throws(WireError) {}
}
