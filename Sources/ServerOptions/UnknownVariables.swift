// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import Logging

extension ServeOptions {
  /// Logs which variables look like twins of flags and are none: somebody has mistyped one, and
  /// would wait for its effect.
  package func noteUnknownVariables(_ logger: Logger) {
    let names = UnknownVariables.names(
      in: UnknownVariables.environment(), prefix: Program.variablePrefix, known: knownVariables)
    guard !names.isEmpty else { return }
    logger.notice(
      "environment variables that mean nothing here",
      metadata: [
        "unknown": "\(names.joined(separator: ", "))",
        "known": "\(knownVariables.sorted().joined(separator: ", "))",
      ])
  }

  private var knownVariables: [String] {
    let flags = [
      "listen", "log-level", "log-format", "workers", "queue-depth", "max-message-bytes", "grace",
      "namespace",
    ]
    return (flags.map { Program.twin($0) } + Program.ownTwins).map(\.variable)
  }
}

/// The search for mistyped names.
enum UnknownVariables {
  /// - Returns: in alphabetical order, the names that begin like those of a program and are none of
  ///   them, except those that Kubernetes may have made for a Service of the namespace.
  static func names(in environment: [String], prefix: String, known: [String]) -> [String] {
    environment.filter { name in
      name.hasPrefix(prefix) && !known.contains(name) && !isServiceLink(name)
    }.sorted()
  }

  /// For a Service `katib-suggestion-x` Kubernetes sets KATIB_SUGGESTION_X_SERVICE_HOST,
  /// ..._SERVICE_PORT, ..._SERVICE_PORT_GRPC, ..._PORT, ..._PORT_6789_TCP_ADDR and more like that.
  private static func isServiceLink(_ name: String) -> Bool {
    name.hasSuffix("_SERVICE_HOST") || name.hasSuffix("_PORT") || name.contains("_PORT_")
  }

  /// The names of all variables.
  static func environment() -> [String] {
    var names: [String] = []
    var next = environ
    while let entry = next.pointee {
      let length = strcspn(entry, "=")
      let bytes = UnsafeRawBufferPointer(start: entry, count: length)
      names.append(String(decoding: bytes, as: UTF8.self))
      next += 1
    }
    return names
  }
}
