// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
package import GRPC
internal import KatibAPI

/// Where errors become gRPC statuses. Those of checkpoints and of the Kubernetes API bring their own,
/// by the same rules.
///
/// Katib's controller decides by the code: at validation only INVALID_ARGUMENT fails the
/// Experiment and shows the message to its user, every other code counts as "valid"; at
/// GetSuggestions every error is asked again, for ever. So what the user can mend is
/// INVALID_ARGUMENT, what asking again can mend is RESOURCE_EXHAUSTED, and INTERNAL is a request
/// that no controller sends. At validation, where the controller's client tries again on UNAVAILABLE
/// alone, that is what it gets instead of RESOURCE_EXHAUSTED while memory is short. Of the checkpoint
/// volume, what its operator can mend is FAILED_PRECONDITION, and what may pass is UNAVAILABLE.
package enum ErrorStatus {
  package static func status(of error: any Error) -> Status {
    switch error {
    case let status as Status:
      return status
    case let convertible as any StatusConvertible:
      return convertible.status
    case let invalid as InvalidExperiment:
      return Status(.invalidArgument, invalid.message)
    case let wire as WireError:
      switch wire {
      case .malformed(let reason): return Status(.internalError, "malformed request: \(reason)")
      case .unsupported(let reason): return Status(.invalidArgument, reason)
      case .limit(let reason), .busy(let reason): return Status(.resourceExhausted, reason)
      }
    default:
      return Status(.internalError, "unexpected error: \(type(of: error))")
    }
  }

  /// The same of what another server answered: it is not the caller's request that cannot be read.
  package static func replyStatus(of error: any Error) -> Status {
    guard case WireError.malformed(let reason) = error else { return status(of: error) }
    return Status(.internalError, "malformed reply: \(reason)")
  }

  /// The same at validation, where a refusal must be INVALID_ARGUMENT to count as one, whatever it is
  /// that refuses: a message that cannot be read is no valid Experiment either.
  package static func validationStatus(of error: any Error) -> Status {
    if case WireError.busy(let reason) = error { return Status(.unavailable, reason) }
    let status = status(of: error)
    switch status.code {
    // Nobody waits for an answer any more.
    case .cancelled, .deadlineExceeded: return status
    default: return Status(.invalidArgument, status.message)
    }
  }
}
