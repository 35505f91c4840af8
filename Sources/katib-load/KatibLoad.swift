// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import GRPC
internal import Glibc
internal import KatibAPI

/// Load for a Suggestion server, with requests like a Katib controller's.
@main
struct KatibLoad: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "katib-load",
    abstract: "Sends GetSuggestions requests to a Suggestion server and reports latencies.",
    discussion: """
      Every request of one kind carries the same bytes: an Experiment, --history finished trials, and \
      --request-number. Several algorithms take turns. Exits with 1 when a call failed or none was \
      measured. Ctrl-C reports what was measured so far.
      """)

  // A negative number is read as a value, so that the message can say what is wrong with it.

  @Option(help: "Server, as host:port.")
  var address = "127.0.0.1:6789"

  @Option(parsing: .unconditional, help: "Connections, 1 to 1000.")
  var connections = 1

  @Option(parsing: .unconditional, help: "Calls in flight on each connection, 1 to 1000.")
  var concurrency = 1

  @Option(
    parsing: .unconditional,
    help: "Seconds to send, up to 604800; 10 when neither --duration nor --count is given.")
  var duration: Double?

  @Option(parsing: .unconditional, help: "Calls to make, 1 to 1000000000.")
  var count: Int?

  @Option(parsing: .unconditional, help: "Seconds to send before measuring, up to 604800.")
  var warmUp = 0.0

  @Option(help: "Algorithms, separated by commas.")
  var algorithm = "random"

  @Option(parsing: .unconditional, help: "Parameters of the Experiment, 1 to 1000.")
  var parameters = 5

  @Option(parsing: .unconditional, help: "Layers of the network, for enas and darts, 1 to 256.")
  var layers = 12

  @Option(
    parsing: .unconditional,
    help: "Operations to choose from, for enas and darts, 1 to 1000.")
  var operations = 12

  @Option(parsing: .unconditional, help: "Finished trials in each request, 0 to 100000.")
  var history = 0

  @Option(parsing: .unconditional, help: "Suggestions asked for in each request, 1 to 10000.")
  var requestNumber = 1

  @Option(help: "Algorithm setting name=value; may be repeated.")
  var setting: [String] = []

  @Option(parsing: .unconditional, help: "Seconds until a call is given up, up to 3600.")
  var timeout = 60.0

  @Option(help: "Write the first request, framed as gRPC frames it, to this file; send nothing.")
  var writeRequest: String?

  @Flag(
    help: """
      Report as JSON on standard output. "errors" counts failed calls by status code, \
      "errorExamples" has the first message of each.
      """)
  var json = false

  @Flag(inversion: .prefixedNo, help: "A line of progress each second, on standard error.")
  var progress = true

  /// A week. Far more seconds would not fit a clock.
  private static let longestRun = 604_800.0

  private var algorithms: [Substring] {
    algorithm.split(separator: ",", omittingEmptySubsequences: false)
  }

  func validate() throws {
    func check(_ name: String, _ value: Any, _ isRight: Bool, _ valid: String) throws {
      guard isRight else { throw ValidationError("--\(name) is \(value), it must be \(valid)") }
    }
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
      let valid = "a whole number from \(range.lowerBound) to \(range.upperBound)"
      try check(name, value, range.contains(value), valid)
    }
    // NaN fails every comparison.
    func check(_ name: String, _ seconds: Double, upTo limit: Double) throws {
      let valid = "a number of seconds greater than 0 and at most \(Int(limit))"
      try check(name, seconds, seconds > 0 && seconds <= limit, valid)
    }
    try check("address", "\"\(address)\"", target != nil, "host:port")
    try check("connections", connections, 1...1_000)
    try check("concurrency", concurrency, 1...1_000)
    if let duration { try check("duration", duration, upTo: KatibLoad.longestRun) }
    if let count { try check("count", count, 1...1_000_000_000) }
    try check(
      "warm-up", warmUp, warmUp >= 0 && warmUp <= KatibLoad.longestRun,
      "a number of seconds from 0 to \(Int(KatibLoad.longestRun))")
    try check(
      "algorithm", "\"\(algorithm)\"", algorithms.allSatisfy { !$0.isEmpty },
      "one name, or several separated by commas")
    try check("parameters", parameters, 1...1_000)
    try check("layers", layers, 1...256)
    try check("operations", operations, 1...1_000)
    try check("history", history, 0...100_000)
    try check("request-number", requestNumber, 1...10_000)
    // Up to here the histogram counts.
    try check("timeout", timeout, upTo: 3_600)
    for setting in setting {
      try check("setting", "\"\(setting)\"", setting.contains("="), "name=value")
    }
    for algorithm in algorithms {
      let values = SampleRequest.valuesPerTrial(
        algorithm: String(algorithm), parameters: parameters, layers: layers)
      let most = WireLimits.mostCells / max(1, values)
      try check(
        "history", history, history <= most,
        "at most \(most) with the \(values) values that a trial of \(algorithm) has")
    }
  }

  func run() throws {
    guard let target else { return }
    let requests = try algorithms.map {
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
      address: target, connections: connections, concurrency: concurrency,
      timeout: .seconds(timeout), requests: requests)
    let report = generator.run(
      warmUp: .seconds(warmUp), duration: duration.map { .seconds($0) }, count: count,
      progress: progress)
    print(json ? report.json : report.text, terminator: "")
    guard report.calls > 0 else { throw NothingMeasured() }
    if report.failures > 0 { throw ExitCode(1) }
  }

  /// Every call of the warm-up outlasted the time for measuring.
  private struct NothingMeasured: Error, CustomStringConvertible {
    var description: String { "no call was measured: those of the warm-up took all the time" }
  }

  private func write(_ message: OutgoingMessage, to path: String) throws {
    guard let file = fopen(path, "w") else {
      throw FileProblem(path: path, reason: String(cString: strerror(errno)))
    }
    defer { fclose(file) }
    let length = UInt32(message.count).bigEndian
    let prefix = [0] + withUnsafeBytes(of: length) { Array($0) }
    let written =
      fwrite(prefix, 1, prefix.count, file)
      + message.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    guard written == prefix.count + message.count else {
      throw FileProblem(path: path, reason: String(cString: strerror(errno)))
    }
  }

  private struct FileProblem: Error, CustomStringConvertible {
    var path: String
    var reason: String
    var description: String { "--write-request: cannot write \(path): \(reason)" }
  }

  private var target: HostPort? { HostPort(address, ports: 1...65_535) }
}
