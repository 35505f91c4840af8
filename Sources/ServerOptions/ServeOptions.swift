// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import ArgumentParser
package import CommonServices
package import GRPC
package import Logging

/// The flags of a server and their environment twins.
package struct ServeOptions<Program: ServerProgram>: ParsableArguments {
  private static var listen: Twin { Program.twin("listen", form: "host:port") }

  // A negative number is read as a value, so that the message can say what is wrong with it.

  private static var ports: WholeNumber { WholeNumber(listen, 0...65_535, default: Program.port) }

  private static var workerCounts: WholeNumber {
    WholeNumber(Program.twin("workers"), 1...64, default: Program.workers)
  }

  private static var queueDepths: WholeNumber {
    WholeNumber(
      Program.twin("queue-depth"), 1...10_000, default: ServerConfiguration().queueDepth)
  }

  private static var messageSizes: WholeNumber {
    WholeNumber(
      Program.twin("max-message-bytes"), 1_024...(64 << 20), default: Limits().messageBytes)
  }

  private static var graces: WholeNumber {
    WholeNumber(Program.twin("grace"), 0...3_600, default: 25)
  }

  @Option(help: listen.help("Address to serve on.", "0.0.0.0"))
  package var host: String?

  @Option(parsing: .unconditional, help: ports.help("Port to serve on (0: the system chooses)"))
  package var port: Int?

  @Option(
    help: Program.twin("log-level").help(
      "trace, debug, info, notice, warning, error or critical.", "info"))
  package var logLevel: String?

  @Option(
    help: Program.twin("log-format").help(
      "text or json, one line per event on stderr.", "text"))
  package var logFormat: String?

  @Option(parsing: .unconditional, help: workerCounts.help(Program.workersSummary))
  package var workers: Int?

  @Option(
    parsing: .unconditional, help: queueDepths.help("Requests that may wait for a worker"))
  package var queueDepth: Int?

  @Option(
    parsing: .unconditional,
    help: messageSizes.help(
      "Largest request in bytes",
      note: "All messages together may take three times that, and never less than "
        + "\(Limits().memoryBudgetBytes >> 20) MiB."))
  package var maxMessageBytes: Int?

  @Option(
    parsing: .unconditional, help: graces.help("Seconds that calls in flight get after SIGTERM"))
  package var grace: Int?

  @Option(
    help: Program.twin("namespace").help(
      Program.namespaceSummary, "that of the pod's service account"))
  package var namespace: String?

  package init() {}

  /// The flags on the command line, without their dashes.
  package var givenFlags: [String] {
    let given = [
      ("host", host != nil), ("port", port != nil), ("log-level", logLevel != nil),
      ("log-format", logFormat != nil), ("workers", workers != nil),
      ("queue-depth", queueDepth != nil), ("max-message-bytes", maxMessageBytes != nil),
      ("grace", grace != nil), ("namespace", namespace != nil),
    ]
    return given.filter(\.1).map(\.0)
  }

  /// What to do, after flags, environment and defaults have been consulted.
  package struct Resolved {
    package var address: HostPort
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
    Resolved(
      address: try address(),
      logLevel: try choice("log-level", logLevel, .info),
      logFormat: try choice("log-format", logFormat, .text),
      workers: try ServeOptions.workerCounts.value(flag: workers),
      queueDepth: try ServeOptions.queueDepths.value(flag: queueDepth),
      maxMessageBytes: try ServeOptions.messageSizes.value(flag: maxMessageBytes),
      grace: try ServeOptions.graces.value(flag: grace),
      namespace: namespace ?? Program.twin("namespace").value)
  }

  /// One variable stands for two flags, and is not looked at where both are given.
  private func address() throws -> HostPort {
    let port = try port.map { try ServeOptions.ports.checked($0, from: "--port") }
    if let host, let port { return HostPort(host: host, port: port) }
    let everywhere = "0.0.0.0"
    let listen = try ServeOptions.listen.read(
      { HostPort($0, ports: 0...65_535, defaultHost: everywhere) }, valid: "host:port")
    return HostPort(
      host: host ?? listen?.host ?? everywhere, port: port ?? listen?.port ?? Program.port)
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
}

extension ServeOptions.Resolved {
  /// How the server of this program is set up.
  package var serverConfiguration: ServerConfiguration {
    var configuration = ServerConfiguration(
      host: address.host, port: address.port, workers: workers, queueDepth: queueDepth)
    configuration.limits.messageBytes = maxMessageBytes
    // A compressed message may need its largest size twice, as it came and inflated, and its
    // handler needs memory too.
    configuration.limits.receiveBudgetBytes = max(
      configuration.limits.receiveBudgetBytes, 2 * maxMessageBytes)
    configuration.limits.memoryBudgetBytes = max(
      configuration.limits.memoryBudgetBytes, 3 * maxMessageBytes)
    return configuration
  }

  /// A logger with that label, of the level and format that were asked for.
  /// - Parameter log: where its lines go.
  package func logger(_ label: String, to log: LogWriter) -> Logger {
    var logger = Logger(label: label) { _ in
      LineLogHandler(format: logFormat, level: logLevel, write: log.append)
    }
    logger.logLevel = logLevel
    return logger
  }
}
