// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser

/// The command of a server: one that Katib starts without arguments.
///
/// Where there are none there is nothing to parse, and the parser is left out: its tables and the
/// mirrors of its types took a quarter of the start, and a megabyte and a half of resident pages.
package protocol ServerCommand: ParsableCommand {
  /// The command as parsing no arguments makes it. Every flag must be set, to nil where it has no
  /// value: the parser's wrappers cannot be read before.
  static var withoutFlags: Self { get }
}

extension ServerCommand {
  package static func main() {
    guard CommandLine.arguments.count <= 1 else { return main(nil) }
    do {
      var command = withoutFlags
      try command.run()
    } catch {
      exit(withError: error)
    }
  }
}

extension ServeOptions {
  /// No flag is given.
  package static var withoutFlags: ServeOptions {
    var options = ServeOptions()
    options.host = nil
    options.port = nil
    options.logLevel = nil
    options.logFormat = nil
    options.workers = nil
    options.queueDepth = nil
    options.maxMessageBytes = nil
    options.grace = nil
    options.namespace = nil
    return options
  }
}
