// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One request to an API server.
package struct APIRequest: Sendable {
  /// GET or PATCH.
  package var method: String
  /// From the root of the API on.
  package var path: String
  /// Empty of a request without a body.
  package var contentType = ""
  package var body: [UInt8] = []
  package var deadline: ContinuousClock.Instant
}

/// What the API server answered, whatever it was.
package struct APIAnswer: Sendable {
  /// The HTTP status.
  package var code: Int
  package var body: [UInt8]

  package init(code: Int, body: [UInt8]) {
    self.code = code
    self.body = body
  }

  /// What a `Status` object in the body says, else the beginning of the body.
  var explanation: String {
    if let message = (try? JSONValue(parsing: body))?["message"]?.string { return message }
    return String(decoding: body.prefix(200), as: UTF8.self)
  }
}

/// Requests to one API server, one after the other.
package protocol APISession {
  /// - Throws: when there is no answer.
  func send(_ request: APIRequest) async throws(KubernetesError) -> APIAnswer
}

/// Opens sessions: HTTP and TLS outside tests.
package protocol APISessionOpening: Sendable {
  func withSession<Result>(
    _ access: ClusterAccess,
    _ body: (any APISession) async throws(KubernetesError) -> Result
  ) async throws(KubernetesError) -> Result
}
