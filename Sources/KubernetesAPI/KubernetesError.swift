// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Why the Kubernetes API did not do what it was asked to. Each text stands alone: it says what was
/// tried, what happened and what would help.
public enum KubernetesError: Error, Sendable, Equatable {
  /// Outside a cluster, and no kubeconfig is named.
  case noCluster(String)
  /// The kubeconfig, the service account or a file that they name is not usable.
  case configuration(String)
  /// The name cannot be the name of an object.
  case invalidName(String)
  /// The API server said no, with this HTTP status.
  case refused(code: Int, String)
  /// The object changed under every try.
  case conflict(String)
  /// No connection, or it broke.
  case unreachable(String)
  /// The certificate is not trusted, or TLS failed otherwise.
  case untrusted(String)
  case timeout(String)
  /// The answer is not what the API promises.
  case unreadable(String)

  var text: String {
    switch self {
    case .noCluster(let text), .configuration(let text), .invalidName(let text),
      .refused(_, let text), .conflict(let text), .unreachable(let text), .untrusted(let text),
      .timeout(let text), .unreadable(let text):
      text
    }
  }
}
