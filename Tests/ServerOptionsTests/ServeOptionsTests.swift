// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPC
import Testing

@testable import ServerOptions

@Suite struct ServeOptionsTests {
  private enum Program: ServerProgram {
    static let variablePrefix = "KATIB_TEST_"
    static let port = 1
    static let workers = 2
    static let workersSummary = "Workers"
    static let namespaceSummary = "Namespace."
    static let ownTwins: [Twin] = []
  }

  private func configuration(_ arguments: String...) throws -> ServerConfiguration {
    try ServeOptions<Program>.parse(arguments).resolved().serverConfiguration
  }

  /// The command line once had a default of its own, 64, and refused the second half of what a
  /// connection may open at once.
  @Test func aClientIsNotRefusedForItsOwnBurst() throws {
    let configuration = try configuration()
    #expect(configuration.queueDepth >= configuration.limits.streamsPerConnection)
    #expect(configuration.queueDepth == ServerConfiguration().queueDepth)
  }

  /// Messages over 32 MiB were allowed and yet refused, compressed ones from 16 MiB on: the
  /// budget stayed as it was.
  @Test(arguments: [1_024, 16 << 20, (16 << 20) + 1, 32 << 20, 64 << 20])
  func theLargestMessageFitsIntoTheBudget(bytes: Int) throws {
    let limits = try configuration("--max-message-bytes", "\(bytes)").limits
    #expect(limits.messageBytes == bytes)
    // A message that does not compress: as it came and inflated.
    #expect(limits.receiveBudgetBytes >= 2 * bytes)
    // And what its handler decodes it into.
    #expect(limits.memoryBudgetBytes - limits.receiveBudgetBytes >= bytes)
    let defaults = Limits()
    #expect(limits.memoryBudgetBytes >= defaults.memoryBudgetBytes)
    if bytes <= defaults.messageBytes {
      #expect(limits.memoryBudgetBytes == defaults.memoryBudgetBytes)
      #expect(limits.receiveBudgetBytes == defaults.receiveBudgetBytes)
    }
  }

  @Test(arguments: [
    ("port", "65536", "from 0 to 65535"), ("workers", "0", "from 1 to 64"),
    ("workers", "65", "from 1 to 64"), ("queue-depth", "0", "from 1 to 10000"),
    ("max-message-bytes", "1023", "from 1024 to 67108864"),
    ("max-message-bytes", "67108865", "from 1024 to 67108864"), ("grace", "-1", "from 0 to 3600"),
    ("grace", "9223372036854775807", "from 0 to 3600"),
  ])
  func aWrongNumberIsNamed(flag: String, value: String, range: String) {
    let error = #expect(throws: (any Error).self) { try configuration("--\(flag)", value) }
    #expect("\(error as Any)".contains("--\(flag) is \(value), it must be a whole number \(range)"))
  }
}
