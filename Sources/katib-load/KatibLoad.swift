// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import GRPC
internal import Glibc

/// Load for a Suggestion server, with requests like a Katib controller's.
@main
struct KatibLoad: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "katib-load",
    abstract: "Sends GetSuggestions requests to a Suggestion server and reports latencies.",
    discussion: """
      Every request of one kind carries the same bytes: an Experiment, --history finished trials, and \
      --request-number. Several algorithms take turns. Exits with 1 when a call failed.
      """)

  @Option(help: "Server, as host:port.")
  var address = "127.0.0.1:6789"

  @Option(help: "Connections.")
  var connections = 1

  @Option(help: "Calls in flight on each connection.")
  var concurrency = 1

  @Option(help: "Seconds to send; 10 when neither --duration nor --count is given.")
  var duration: Double?

  @Option(help: "Calls to make.")
  var count: Int?

  @Option(help: "Seconds to send before measuring.")
  var warmUp = 0.0

  @Option(help: "Algorithms, separated by commas.")
  var algorithm = "random"

  @Option(help: "Parameters of the Experiment.")
  var parameters = 5

  @Option(help: "Layers of the network, for enas and darts.")
  var layers = 12

  @Option(help: "Operations to choose from, for enas and darts.")
  var operations = 12

  @Option(help: "Finished trials in each request.")
  var history = 0

  @Option(help: "Suggestions asked for in each request.")
  var requestNumber = 1

  @Option(help: "Algorithm setting name=value; may be repeated.")
  var setting: [String] = []

  @Option(help: "Seconds until a call is given up.")
  var timeout = 60.0

  @Option(help: "Write the first request, framed as gRPC frames it, to this file; send nothing.")
  var writeRequest: String?

  @Flag(help: "Report as JSON on standard output.")
  var json = false

  @Flag(inversion: .prefixedNo, help: "A line of progress each second, on standard error.")
  var progress = true

  func validate() throws {
    func check(_ name: String, _ isRight: Bool, _ valid: String) throws {
      guard isRight else { throw ValidationError("--\(name) must be \(valid)") }
    }
    try check("address", target != nil, "host:port")
    try check("connections", (1...1_000).contains(connections), "from 1 to 1000")
    try check("concurrency", (1...1_000).contains(concurrency), "from 1 to 1000")
    try check("duration", duration.map { $0 > 0 } ?? true, "greater than 0")
    try check("count", count.map { $0 > 0 } ?? true, "greater than 0")
    try check("warm-up", warmUp >= 0, "at least 0")
    try check("parameters", (1...1_000).contains(parameters), "from 1 to 1000")
    try check("layers", (1...256).contains(layers), "from 1 to 256")
    try check("operations", (1...1_000).contains(operations), "from 1 to 1000")
    try check("history", (0...100_000).contains(history), "from 0 to 100000")
    try check("request-number", (1...10_000).contains(requestNumber), "from 1 to 10000")
    try check("timeout", timeout > 0, "greater than 0")
    try check("setting", setting.allSatisfy { $0.contains("=") }, "name=value")
  }

  func run() throws {
    guard let target else { return }
    let requests = try algorithm.split(separator: ",").map {
      try SampleRequest(
        algorithm: String($0), parameters: parameters, layers: layers, operations: operations,
        history: history, requestNumber: requestNumber, settings: setting
      ).message()
    }
    if let writeRequest {
      try write(requests[0], to: writeRequest)
      return
    }
    let generator = LoadGenerator(
      host: target.host, port: target.port, connections: connections, concurrency: concurrency,
      timeout: .seconds(timeout), requests: requests)
    let report = generator.run(
      warmUp: .seconds(warmUp), duration: duration.map { .seconds($0) }, count: count,
      progress: progress)
    print(json ? report.json : report.text, terminator: "")
    if report.failures > 0 { throw ExitCode(1) }
  }

  private func write(_ message: OutgoingMessage, to path: String) throws {
    guard let file = fopen(path, "w") else {
      throw ValidationError("--write-request: \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    let length = UInt32(message.count).bigEndian
    let prefix = [0] + withUnsafeBytes(of: length) { Array($0) }
    let written =
      fwrite(prefix, 1, prefix.count, file)
      + message.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    guard written == prefix.count + message.count else {
      throw ValidationError("--write-request: \(path): \(String(cString: strerror(errno)))")
    }
  }

  private var target: (host: String, port: Int)? {
    guard let colon = address.lastIndex(of: ":"),
      let port = Int(address[address.index(after: colon)...]), (1...65_535).contains(port),
      colon > address.startIndex
    else { return nil }
    var host = address[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return (String(host), port)
  }
}
