// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import CommonServices
package import GRPC
package import Logging

/// The flags of a server and their environment twins.
package struct ServeOptions<Program: ServerProgram>: ParsableArguments {
  private static var listen: Twin { Program.twin("listen", form: "host:port") }

  @Option(help: listen.help("Address to serve on.", "0.0.0.0"))
  package var host: String?

  @Option(help: listen.help("Port to serve on; 0 lets the system choose.", "\(Program.port)"))
  package var port: Int?

  @Option(
    help: Program.twin("log-level").help(
      "trace, debug, info, notice, warning, error or critical.", "info"))
  package var logLevel: String?

  @Option(
    help: Program.twin("log-format").help(
      "text or json, one line per event on stderr.", "text"))
  package var logFormat: String?

  @Option(help: Program.twin("workers").help(Program.workersSummary, "\(Program.workers)"))
  package var workers: Int?

  @Option(help: Program.twin("queue-depth").help("Requests that may wait for a worker.", "64"))
  package var queueDepth: Int?

  @Option(help: Program.twin("max-message-bytes").help("Largest request, in bytes.", "16777216"))
  package var maxMessageBytes: Int?

  @Option(
    help: Program.twin("grace").help("Seconds that calls in flight get after SIGTERM.", "25"))
  package var grace: Int?

  @Option(
    help: Program.twin("namespace").help(
      Program.namespaceSummary, "that of the pod's service account"))
  package var namespace: String?

  package init() {}

  /// What to do, after flags, environment and defaults have been consulted.
  package struct Resolved {
    package var address: ListenAddress
    package var logLevel: Logger.Level
    package var logFormat: LineLogHandler.Format
    package var workers: Int
    package var queueDepth: Int
    package var maxMessageBytes: Int
    package var grace: Int
    /// As given; nil leaves it to the service account.
    package var namespace: String?
  }

  /// - Throws: `ValidationError` naming the flag or variable, the value and what would be right.
  package func resolved() throws -> Resolved {
    let listen = try ServeOptions.listen.read(ListenAddress.init, valid: "host:port")
    let address = ListenAddress(
      host: host ?? listen?.host ?? "0.0.0.0", port: port ?? listen?.port ?? Program.port)
    guard (0...65_535).contains(address.port) else {
      throw ValidationError("port is \(address.port), it must lie between 0 and 65535")
    }
    return Resolved(
      address: address,
      logLevel: try choice("log-level", logLevel, .info),
      logFormat: try choice("log-format", logFormat, .text),
      workers: try number("workers", workers, Program.workers, 1...64),
      queueDepth: try number("queue-depth", queueDepth, 64, 1...10_000),
      maxMessageBytes: try number(
        "max-message-bytes", maxMessageBytes, 16 << 20, 1024...(64 << 20)),
      grace: try number("grace", grace, 25, 0...3_600),
      namespace: namespace ?? Program.twin("namespace").value)
  }

  private func choice<Value: RawRepresentable & CaseIterable>(
    _ name: String, _ flag: String?, _ fallback: Value
  ) throws -> Value where Value.RawValue == String {
    let twin = Program.twin(name)
    guard let text = flag ?? twin.value else { return fallback }
    guard let value = Value(rawValue: text.lowercased()) else {
      throw ValidationError(
        "\(twin.source(isFlag: flag != nil)) is \"\(text)\", it must be one of "
          + Value.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  private func number(
    _ name: String, _ flag: Int?, _ fallback: Int, _ range: ClosedRange<Int>
  ) throws -> Int {
    let twin = Program.twin(name)
    let valid = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = try flag ?? twin.read({ Int($0) }, valid: valid) else { return fallback }
    guard range.contains(value) else {
      throw ValidationError(
        "\(twin.source(isFlag: flag != nil)) is \(value), it must be \(valid)")
    }
    return value
  }
}

extension ServeOptions.Resolved {
  /// How the server of this program is set up.
  package var serverConfiguration: ServerConfiguration {
    var configuration = ServerConfiguration(
      host: address.host, port: address.port, workers: workers, queueDepth: queueDepth)
    configuration.limits.messageBytes = maxMessageBytes
    return configuration
  }

  /// A logger with that label, of the level and format that were asked for.
  package func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { _ in
      LineLogHandler(format: logFormat, level: logLevel)
    }
    logger.logLevel = logLevel
    return logger
  }
}
