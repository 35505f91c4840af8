// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ServerOptions

@Suite struct UnknownVariablesTests {
  /// KATIB_SUGGESTION_WORKER=4 was passed over without a word.
  @Test func mistypedNamesAreFound() {
    let found = UnknownVariables.names(
      in: ["PATH", "OURS_WORKERS", "OURS_WORKER", "OURS_", "THEIRS_WORKER", "ours_x"],
      prefix: "OURS_", known: ["OURS_WORKERS"])
    #expect(found == ["OURS_", "OURS_WORKER"])
  }

  /// What Kubernetes sets for the Services "ours" and "ours-two" of a namespace.
  @Test func serviceLinksAreNoMistakes() {
    let links = ["OURS_", "OURS_TWO_"].flatMap { prefix in
      [
        "SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_6789_TCP",
        "PORT_6789_TCP_PROTO", "PORT_6789_TCP_PORT", "PORT_6789_TCP_ADDR",
      ].map { prefix + $0 }
    }
    #expect(UnknownVariables.names(in: links, prefix: "OURS_", known: []).isEmpty)
  }
}
