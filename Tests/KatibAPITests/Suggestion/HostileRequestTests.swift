// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Synchronization
import Testing

@testable import KatibAPI

/// Small requests that want to be large ones.
@Suite struct HostileRequestTests {
  /// Counts what decoding takes from the budget at most, beyond the floor of its arenas.
  private final class Meter: Sendable {
    private let books: Mutex<(granted: Int, peak: Int)> = Mutex((0, 0))

    var peak: Int { books.withLock { $0.peak } }

    var budget: ArenaBudget {
      ArenaBudget(
        reserve: { bytes in
          self.books.withLock { books in
            books.granted += bytes
            books.peak = max(books.peak, books.granted)
          }
          return true
        },
        release: { bytes in self.books.withLock { $0.granted -= bytes } })
    }
  }

  private let parameter = Wire.payload(
    1,
    Wire.text(1, "p") + Wire.number(2, 1) + Wire.payload(3, Wire.text(1, "1") + Wire.text(2, "0"))
  )

  /// protobuf-c merges a repeated message field by copying everything it has so far: 1 MiB of this
  /// made it allocate 69 GB in 3.7 s.
  @Test(arguments: [[1], [1, 2], [1, 2, 1]] as [[UInt32]])
  func quadraticMergeIsRefused(path: [UInt32]) throws {
    let piece = Wire.nested([1, 2, 1], parameter)
    var bytes: [UInt8]
    switch path.count {
    case 1:
      bytes = []
      while bytes.count < 1 << 20 { bytes += piece }
    default:
      // The same one or two levels further in, where nobody joins the pieces beforehand.
      let inner = Wire.nested(Array([1, 2, 1].dropFirst(path.count - 1)), parameter)
      var content: [UInt8] = []
      while content.count < 1 << 20 { content += inner }
      bytes = Wire.nested(Array(path.dropLast()), content)
    }
    let meter = Meter()
    let arenas = ArenaPool(budget: meter.budget)
    let error = wireError { _ = try SuggestionsQuery(decoding: bytes, using: arenas) }
    #expect(error?.isLimit == true)
    #expect(meter.peak <= WireLimits.largestArena)
  }

  @Test func mergeInsideOneTrialIsRefused() {
    let piece = Wire.nested([2, 3, 1], Wire.text(1, "p") + Wire.text(2, "1"))
    var trial: [UInt8] = []
    while trial.count < 1 << 20 { trial += piece }
    let error = wireError { _ = try DecodedRequest(Wire.payload(2, trial)) }
    #expect(error?.isLimit == true)
  }

  @Test func aMillionEmptyTrialsAreRefused() {
    let bytes = [UInt8](unsafeUninitializedCapacity: 2_000_000) { buffer, count in
      for i in 0..<1_000_000 {
        buffer[2 * i] = 0x12
        buffer[2 * i + 1] = 0
      }
      count = 2_000_000
    }
    let error = wireError { _ = try SuggestionsQuery(decoding: bytes, using: ArenaPool()) }
    #expect(error?.isLimit == true)
  }

  @Test func asManyTrialsAsTheLimitAllowsNeedOneTrialOfMemory() throws {
    let meter = Meter()
    let bytes = (0..<WireLimits.mostTrials).flatMap { _ in [0x12, 0x00] as [UInt8] }
    let decoded = try DecodedRequest(bytes, using: ArenaPool(budget: meter.budget))
    #expect(decoded.history.count == WireLimits.mostTrials)
    #expect(meter.peak == 0)
  }

  @Test func aTableOfNothingIsRefused() throws {
    // 5,000 parameters and 1,000 empty trials: 100 KB that ask for five million cells.
    let specs = (0..<5000).map {
      ParameterSpec(
        name: "p\($0)", kind: .double, feasibleSpace: FeasibleSpace(minimum: "0", maximum: "1"))
    }
    let request = GetSuggestionsRequest(
      experiment: Experiment(name: "e", algorithmName: "random", parameterSpecs: specs),
      trials: [TrialMessage](repeating: TrialMessage(name: ""), count: 1000),
      currentRequestNumber: 1)
    let bytes = try request.packed(using: ArenaPool())
    let error = wireError { _ = try DecodedRequest(bytes) }
    #expect(error?.isLimit == true)
  }

  @Test func anExperimentOfNothingIsRefused() {
    let parameters = (0...WireLimits.mostParameters).flatMap { _ in [0x0a, 0x00] as [UInt8] }
    let operations = (0...WireLimits.mostParameters).flatMap { _ in [0x0a, 0x00] as [UInt8] }
    let entries = (0...WireLimits.mostListEntries).flatMap { _ in [0x1a, 0x00] as [UInt8] }
    for bytes in [
      Wire.nested([1, 2, 1], parameters), Wire.nested([1, 2, 7, 2], operations),
      Wire.nested([1, 2, 1, 1, 3], entries),
    ] {
      let error = wireError { _ = try SuggestionsQuery(decoding: bytes, using: ArenaPool()) }
      #expect(error?.isLimit == true)
    }
  }

  @Test func assignmentsOfUnknownNamesAreBounded() throws {
    let specs = (0..<9000).map {
      ParameterSpec(
        name: "p\($0)", kind: .double, feasibleSpace: FeasibleSpace(minimum: "0", maximum: "1"))
    }
    let request = GetSuggestionsRequest(
      experiment: Experiment(name: "e", algorithmName: "random", parameterSpecs: specs),
      currentRequestNumber: 1)
    let assignments = (0..<112_000).flatMap { _ in Wire.payload(1, Wire.text(1, "q")) }
    let bytes =
      try request.packed(using: ArenaPool()) + Wire.nested([2, 2, 3], assignments)
    let error = wireError { _ = try DecodedRequest(bytes) }
    #expect(error?.isLimit == true)
  }

  /// Unknown fields made protobuf-c allocate 25 times their size; they are left out instead.
  @Test func unknownFieldsCostNothing() throws {
    let junk = (0..<100_000).flatMap { _ in Wire.number(15, 1) }
    let meter = Meter()
    let arenas = ArenaPool(budget: meter.budget)
    let bytes =
      junk + Wire.payload(1, Wire.text(1, "name") + junk)
      + Wire.payload(2, Wire.text(1, "t") + junk)
    let decoded = try DecodedRequest(bytes, using: arenas)
    #expect(decoded.query.experiment.name == "name")
    #expect(decoded.history.names == ["t"])
    #expect(meter.peak <= 2 * junk.count + 1 << 20)
  }

  /// No fault of the message, and no limit that it would meet again: whoever asks again later gets an
  /// answer. At validation that decides whether a good Experiment fails for good.
  @Test func aRefusingBudgetIsNoFaultOfTheMessage() throws {
    let arenas = ArenaPool(budget: ArenaBudget(reserve: { _ in false }, release: { _ in }))
    // Small requests live below the floor.
    #expect(try DecodedRequest(GetSuggestionsTests.goldenTrials, using: arenas).history.count == 1)
    let long = Wire.payload(2, Wire.text(1, String(repeating: "n", count: 100_000)))
    let error = wireError { _ = try DecodedRequest(long, using: arenas) }
    #expect(error?.isBusy == true)
    let malformed = wireError { _ = try DecodedRequest(long + [0xff], using: arenas) }
    #expect(malformed?.isMalformed == true)
  }
}

extension GetSuggestionsTests {
  /// The golden request without its experiment.
  static var goldenTrials: [UInt8] {
    Array(goldenRequest.dropFirst(3 + 194))
  }
}
