// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CommonServices
internal import ExperimentModel
internal import GRPC
internal import Glibc

/// Why checkpoint folders cannot be prepared, in words for whoever can mend it.
enum CheckpointError: Error, Equatable {
  /// A name that is no single component of a path.
  case name(field: String, value: String)
  /// Nothing is mounted.
  case noVolume(root: String)
  /// This user may not write.
  case notWritable(SystemCallError)
  /// This user may not read what a trial left.
  case notReadable(SystemCallError)
  /// Something that is no folder stands where one of ours should be.
  case occupied(path: String)
  case tooDeep(path: String)
  case tooMany(path: String)
  /// The volume or its quota is used up.
  case full(SystemCallError)
  /// Another process works at the same trial's folder, and has taken ours away.
  case overtaken(path: String)
  /// Anything else; asking again may help.
  case system(SystemCallError)

  init(writing error: SystemCallError) {
    self = error.isFull ? .full(error) : error.isDenied ? .notWritable(error) : .system(error)
  }

  init(reading error: SystemCallError) {
    self = error.isDenied ? .notReadable(error) : .system(error)
  }

  private static var user: String { "user \(geteuid()) of group \(getegid())" }

  private static let remedy =
    "Katib mounts a volume there when the Experiment has resumePolicy: FromVolume and the "
    + "algorithm's entry in katib-config a persistentVolumeClaimSpec"

  var message: String {
    switch self {
    case .name(let field, let value):
      "\(field) is \(Quoted.text(value)), it must be usable as the name of a folder: not empty, at "
        + "most 255 bytes, no slash, no dot at its beginning"
    case .noVolume(let root):
      "there is no folder \(root) for the trials' checkpoints: " + CheckpointError.remedy
    case .notWritable(let error):
      "\(CheckpointError.user) may not write to the checkpoint volume (\(describe(error))): "
        + "make it writable for that user or group. \(CheckpointError.remedy)"
    case .notReadable(let error):
      "\(CheckpointError.user) may not read a checkpoint (\(describe(error))): trials must leave "
        + "files that this user or group can read, or run as the same user"
    case .occupied(let path):
      "\(path) is no folder, and one of this name is needed for checkpoints: remove or rename it"
    case .tooDeep(let path):
      "\(path) lies more than \(ServiceLimits.checkpointDepth) folders deep in a checkpoint"
    case .tooMany(let path):
      "\(path) has more than \(ServiceLimits.checkpointEntries) entries, too many for a checkpoint"
    case .full(let error):
      "the checkpoint volume is full (\(describe(error))): give it more room or remove the folders "
        + "of old trials"
    case .overtaken(let path):
      "another process makes the folder \(path) or has made it, and took away what this one had "
        + "begun: is more than one server at work on this volume?"
    case .system(let error): "the checkpoint volume failed (\(describe(error)))"
    }
  }

  private func describe(_ error: SystemCallError) -> String {
    "cannot \(error.attempt) \(error.path): \(error.reason)"
  }
}

extension CheckpointError: StatusConvertible {
  var status: Status {
    switch self {
    case .name: Status(.invalidArgument, message)
    case .noVolume, .notWritable, .notReadable, .occupied, .tooDeep, .tooMany:
      Status(.failedPrecondition, message)
    case .full: Status(.resourceExhausted, message)
    case .overtaken, .system: Status(.unavailable, message)
    }
  }
}
