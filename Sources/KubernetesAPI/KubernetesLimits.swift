// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of what is done with the Kubernetes API, with its reason.
package enum KubernetesLimits {
  /// Time to set a status when the caller names none.
  package static let updateTime = Duration.seconds(30)

  /// Time for one request: an API server that takes longer is overloaded, and a new try may reach
  /// another one.
  package static let requestTime = Duration.seconds(10)

  package static let connectTime = Duration.seconds(5)

  /// The pause before the second try, in seconds; it doubles with each further one up to
  /// ``longestPause``, and its length is drawn between half of that and the whole.
  package static let firstPause = 0.05

  /// Seconds. An API server that comes back is found within them.
  package static let longestPause = 2.0

  /// Bytes of an answer. etcd holds objects of up to 1.5 MiB, and JSON of them is hardly larger.
  package static let answerBytes = 8 << 20

  /// Bytes of a kubeconfig, a certificate or a token.
  package static let fileBytes = 1 << 20

  /// Nodes of a YAML document, counted once for each place that they appear in: an alias can
  /// multiply what it stands for.
  package static let yamlNodes = 100_000
  package static let yamlDepth = 32
}
