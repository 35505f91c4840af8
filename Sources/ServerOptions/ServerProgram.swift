// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What the servers of this package differ in on their command lines.
package protocol ServerProgram {
  /// Begins the name of every environment twin, as in "KATIB_SUGGESTION_".
  ///
  /// No twin's name ends in _PORT or _HOST: Kubernetes sets such variables for every Service of the
  /// namespace, and a Service called "katib-suggestion" would then configure this process.
  static var variablePrefix: String { get }
  /// The port without any option.
  static var port: Int { get }
  /// The number of worker threads without any option.
  static var workers: Int { get }
  static var workersSummary: String { get }
  static var namespaceSummary: String { get }
  /// The twins of the flags that this program has alone.
  static var ownTwins: [Twin] { get }
}

extension ServerProgram {
  static func twin(_ flag: String, form: String? = nil) -> Twin {
    let words = flag.uppercased().map { $0 == "-" ? "_" : String($0) }
    return Twin(flag: flag, variable: variablePrefix + words.joined(), form: form)
  }
}
