// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import GRPC
internal import KubernetesAPI

/// What the caller of `SetTrialStatus` is told when the Kubernetes API did not do its part.
extension KubernetesError {
  var status: Status {
    switch self {
    case .noCluster(let text), .configuration(let text), .untrusted(let text):
      Status(.failedPrecondition, text)
    case .invalidName(let text):
      Status(.invalidArgument, text)
    case .refused(let code, let text):
      Status(KubernetesError.statusCode(code), text)
    case .conflict(let text):
      Status(.aborted, text)
    case .unreachable(let text):
      Status(.unavailable, text)
    case .timeout(let text):
      Status(.deadlineExceeded, text)
    case .unreadable(let text):
      Status(.internalError, text)
    }
  }

  private static func statusCode(_ httpStatus: Int) -> StatusCode {
    switch httpStatus {
    case 401: .unauthenticated
    case 403: .permissionDenied
    case 404, 410: .notFound
    case 408, 504: .deadlineExceeded
    case 429, 500...599: .unavailable
    default: .failedPrecondition
    }
  }
}
