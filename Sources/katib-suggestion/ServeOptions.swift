// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Logging
internal import SuggestionServices

/// The flags of the server and their environment twins.
///
/// No twin's name ends in _PORT or _HOST: Kubernetes sets such variables for every Service of the
/// namespace, and a Service called "katib-suggestion" would then configure this process.
struct ServeOptions: ParsableArguments {
  @Option(help: Twin.listen.help("Address to serve on.", "0.0.0.0"))
  var host: String?

  @Option(help: Twin.listen.help("Port to serve on; 0 lets the system choose.", "6789"))
  var port: Int?

  @Option(help: Twin.logLevel.help("trace, debug, info, notice, warning or error.", "info"))
  var logLevel: String?

  @Option(help: Twin.logFormat.help("text or json, one line per event on stderr.", "text"))
  var logFormat: String?

  @Option(help: Twin.workers.help("Threads that compute suggestions.", "2"))
  var workers: Int?

  @Option(help: Twin.queueDepth.help("Requests that may wait for a worker.", "64"))
  var queueDepth: Int?

  @Option(help: Twin.maxMessageBytes.help("Largest request, in bytes.", "16777216"))
  var maxMessageBytes: Int?

  @Option(help: Twin.grace.help("Seconds that calls in flight get after SIGTERM.", "25"))
  var grace: Int?

  @Option(
    help: Twin.namespace.help(
      "Namespace of this process, part of the hash in chosen trial names.",
      "that of the pod's service account"))
  var namespace: String?

  @Option(
    help: Twin.dataDirectory.help(
      "Where the volume for checkpoints is mounted.", CheckpointVolume.defaultRoot))
  var dataDirectory: String?

  /// What to do, after flags, environment and defaults have been consulted.
  struct Resolved {
    var address: ListenAddress
    var logLevel: Logger.Level
    var logFormat: LineLogHandler.Format
    var workers: Int
    var queueDepth: Int
    var maxMessageBytes: Int
    var grace: Int
    var namespace: String
    var dataDirectory: String
  }

  /// - Throws: `ValidationError` naming the flag or variable, the value and what would be right.
  func resolved() throws -> Resolved {
    let listen = try Twin.listen.read(ListenAddress.init, valid: "host:port")
    let address = ListenAddress(
      host: host ?? listen?.host ?? "0.0.0.0", port: port ?? listen?.port ?? 6789)
    guard (0...65_535).contains(address.port) else {
      throw ValidationError("port is \(address.port), it must lie between 0 and 65535")
    }
    return Resolved(
      address: address,
      logLevel: try choice(.logLevel, logLevel, .info),
      logFormat: try choice(.logFormat, logFormat, .text),
      workers: try number(.workers, workers, 2, 1...64),
      queueDepth: try number(.queueDepth, queueDepth, 64, 1...10_000),
      maxMessageBytes: try number(.maxMessageBytes, maxMessageBytes, 16 << 20, 1024...(64 << 20)),
      grace: try number(.grace, grace, 25, 0...3_600),
      namespace: namespace ?? Twin.namespace.value ?? ServiceAccount.namespace() ?? "",
      dataDirectory: dataDirectory ?? Twin.dataDirectory.value ?? CheckpointVolume.defaultRoot)
  }

  private func choice<Value: RawRepresentable & CaseIterable>(
    _ twin: Twin, _ flag: String?, _ fallback: Value
  ) throws -> Value where Value.RawValue == String {
    guard let text = flag ?? twin.value else { return fallback }
    guard let value = Value(rawValue: text.lowercased()) else {
      throw ValidationError(
        "\(twin.source(isFlag: flag != nil)) is \"\(text)\", it must be one of "
          + Value.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  private func number(
    _ twin: Twin, _ flag: Int?, _ fallback: Int, _ range: ClosedRange<Int>
  ) throws -> Int {
    let valid = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    guard let value = try flag ?? twin.read({ Int($0) }, valid: valid) else { return fallback }
    guard range.contains(value) else {
      throw ValidationError(
        "\(twin.source(isFlag: flag != nil)) is \(value), it must be \(valid)")
    }
    return value
  }
}
