// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct ObservationLogWalkTests {
  private let arenas = ArenaPool()

  private func time(_ second: Int, _ fraction: String = "") -> String {
    let digits = { (value: Int) in (value < 10 ? "0" : "") + "\(value)" }
    return "2026-01-02T\(digits(second / 3600)):\(digits(second / 60 % 60)):"
      + "\(digits(second % 60))\(fraction)Z"
  }

  private func line(_ time: String, _ value: String, metric: String = "loss") -> MetricLog {
    MetricLog(timeStamp: time, metricName: metric, value: value)
  }

  private func walk(
    _ bytes: [UInt8], count: Int = 4, pieces: Int = .max
  ) throws -> ObservationLogWalk {
    var walk = ObservationLogWalk(metricName: "loss", count: count)
    try bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(pieces)
        try walk.read(UnsafeRawBufferPointer(rebasing: piece))
        rest = rest.dropFirst(piece.count)
      }
    }
    try walk.finish()
    return walk
  }

  private func packed(_ log: [MetricLog]) throws -> [UInt8] {
    try GetObservationLogReply(log: log).packed(using: arenas)
  }

  @Test func earliestFiniteValuesOfTheMetricAreKept() throws {
    let log = [
      line(time(9), "9"), line(time(2), "nan"), line(time(3), "3"), line(time(1), "inf"),
      line(time(4), "4", metric: "accuracy"), line(time(5), "5"), line(time(2), "2"),
      line(time(6), "unavailable"), line("", "1"), line(time(7), ""), line(time(5, ".5"), "5.5"),
    ]
    let bytes = try packed(log)
    #expect(try walk(bytes).values == [2, 3, 5, 5.5])
    #expect(try walk(bytes, count: 2).values == [2, 3])
    // A line without a time comes last.
    #expect(try walk(bytes, count: 100).values == [2, 3, 5, 5.5, 9, 1])
    #expect(try walk(bytes, count: 0).values == [])
    #expect(try walk(bytes).lineCount == log.count)
  }

  @Test func ofEqualTimesTheFirstToArriveStay() throws {
    let log = (0..<20).map { line(time($0 < 10 ? 5 : 1), "\($0)") }
    #expect(try walk(try packed(log)).values == [10, 11, 12, 13])
    #expect(try walk(try packed(log), count: 12).values == (10..<20).map { Double($0) } + [0, 1])
  }

  @Test(arguments: 1...70)
  func piecesOfAnySizeGiveTheSame(size: Int) throws {
    let log = (0..<40).map { line(time(40 - $0, ".\($0)"), "\($0).25") }
    // An unknown field of each kind on each level, and the log in two messages.
    let strange = Wire.number(9, 300) + Wire.text(8, "unknown") + Wire.tag(7, 5) + [0, 0, 0, 0]
    let bytes =
      strange + (try packed(Array(log[..<20]))) + Wire.payload(1, strange + Wire.payload(1, []))
      + Wire.payload(1, []) + (try packed(Array(log[20...]))) + strange
    let expected = try walk(bytes)
    #expect(expected.values == [39.25, 38.25, 37.25, 36.25])
    let inPieces = try walk(bytes, pieces: size)
    #expect(inPieces.values == expected.values)
    #expect(inPieces.lineCount == 41)
  }

  @Test func anyOrderGivesWhatSortingGives() throws {
    for seed in UInt64(0)..<50 {
      var random = SeededRandom(seed)
      let log = (0..<Int.random(in: 0..<60, using: &random)).map { index in
        line(time(Int.random(in: 0..<20, using: &random)), "\(index)")
      }
      let count = Int.random(in: 0..<20, using: &random)
      let sorted = log.enumerated().sorted {
        ($0.element.timeStamp, $0.offset) < ($1.element.timeStamp, $1.offset)
      }
      let expected = sorted.prefix(count).compactMap { Double($0.element.value) }
      #expect(
        try walk(try packed(log), count: count, pieces: 11).values == expected, "seed \(seed)")
    }
  }

  @Test func aLongLogPassesThrough() throws {
    let log = (0..<100_000).map { index in
      line(time((index * 7919) % 86_400, ".\(index)"), "\(index % 86_400)")
    }
    let bytes = try packed(log)
    var walk = ObservationLogWalk(metricName: "loss", count: 4)
    let clock = ContinuousClock()
    let took = try clock.measure {
      try bytes.withUnsafeBytes { all in
        for start in stride(from: 0, to: all.count, by: 16_384) {
          let end = min(all.count, start + 16_384)
          try walk.read(UnsafeRawBufferPointer(rebasing: all[start..<end]))
          #expect(walk.carriedBytes < 100)
        }
      }
    }
    try walk.finish()
    #expect(walk.lineCount == 100_000)
    #expect(walk.values.count == 4)
    #expect(took < .seconds(2), "100,000 lines took \(took)")
  }

  @Test func aMonstrousLineIsPassedOverWithoutBeingHeld() throws {
    let monster = [UInt8](repeating: 0x61, count: WireLimits.longestLogLine + 1)
    let good = Wire.text(1, time(1)) + Wire.payload(2, Wire.text(1, "loss") + Wire.text(2, "1"))
    let bytes = Wire.payload(1, Wire.payload(1, monster) + Wire.payload(1, good))
    #expect(try walk(bytes, pieces: 1000).values == [1])
  }

  @Test(arguments: [
    [0x0a], [0x0a, 0x05, 0x0a], [0x0a, 0x02, 0x0a, 0x05, 0, 0, 0, 0, 0], [0x0a, 0x04, 0x0a, 0x01],
    [0x00, 0x00], [0x0b, 0x0c], [0x0a, 0x02, 0x0b, 0x0c], [0x0a, 0x03, 0x0a, 0x01, 0x0a],
    [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  ])
  func brokenBytesAreRefused(bytes: [UInt8]) throws {
    for size in [1, 2, 3, 100] {
      #expect(throws: WireError.self) { try walk(bytes, pieces: size) }
    }
  }

  @Test func mutatedBytesNeverTrap() throws {
    let bytes = try packed((0..<10).map { line(time($0), "\($0)") })
    for seed in UInt64(0)..<3_000 {
      var random = SeededRandom(seed)
      var broken = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let index = Int.random(in: 0..<broken.count, using: &random)
        broken[index] = UInt8.random(in: 0...255, using: &random)
      }
      let size = Int.random(in: 1...50, using: &random)
      let whole = try? walk(broken)
      let inPieces = try? walk(broken, pieces: size)
      #expect(whole?.values == inPieces?.values, "seed \(seed)")
    }
  }
}
