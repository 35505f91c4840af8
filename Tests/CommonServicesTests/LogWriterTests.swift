// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import CommonServices

/// A server whose log went into a pipe that nobody read stood still after 448 calls: the I/O thread
/// wrote its lines itself, and SIGTERM was logged before it was obeyed.
@Suite struct LogWriterTests {
  /// A pipe that holds 4 KiB.
  private final class Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
      var ends: [Int32] = [-1, -1]
      try #require(pipe(&ends) == 0)
      (readEnd, writeEnd) = (ends[0], ends[1])
      // F_SETPIPE_SZ, which Swift's Glibc does not have.
      let setsSize: Int32 = 1_031
      try #require(fcntl(writeEnd, setsSize, 4_096) == 4_096)
    }

    deinit { close(readEnd) }

    /// Reads until so many lines have come, or none for a while.
    func lines(_ count: Int, orNoneFor milliseconds: Int32 = 5_000) -> [String] {
      var text: [UInt8] = []
      var block = [UInt8](repeating: 0, count: 65_536)
      var ready = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      while text.count(where: { $0 == 0x0a }) < count, poll(&ready, 1, milliseconds) > 0 {
        let length = read(readEnd, &block, block.count)
        guard length > 0 else { break }
        text += block[..<length]
      }
      return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
  }

  /// Lines of 100 bytes.
  private func line(_ number: Int) -> String {
    let name = "line \(number) "
    return name + String(repeating: "x", count: 99 - name.count) + "\n"
  }

  @Test func linesKeepTheirOrder() throws {
    let pipe = try Pipe()
    let log = LogWriter(descriptor: pipe.writeEnd, format: .text)
    for number in 0..<1_000 { log.append(line(number)) }
    let lines = pipe.lines(1_000)
    #expect(lines.map { $0 + "\n" } == (0..<1_000).map(line))
    #expect(log.flush(within: .seconds(5)))
  }

  @Test func aStalledReaderHoldsNobodyAndIsToldWhatItMissed() throws {
    let pipe = try Pipe()
    let log = LogWriter(descriptor: pipe.writeEnd, format: .json, capacity: 10_000)
    // Whoever appends would stand still here for ever.
    for number in 0..<1_000 { log.append(line(number)) }
    let start = ContinuousClock.now
    #expect(!log.flush(within: .milliseconds(50)))
    #expect(ContinuousClock.now - start < .seconds(4))

    // What came first is there, in order, and then one line that speaks of the rest. The thread may
    // have taken lines at any moment, so how many they are is not known.
    var lines: [String] = []
    repeat { lines += pipe.lines(1, orNoneFor: 10) } while !log.flush(within: .zero)
    log.append(line(1_000))
    while lines.last?.hasPrefix("line 1000 ") == false {
      let more = pipe.lines(1)
      try #require(!more.isEmpty)
      lines += more
    }
    let dropped = lines.compactMap { line -> Int? in
      guard line.contains("\"log lines dropped\""), line.contains("\"level\":\"warning\"") else {
        return nil
      }
      return line.firstMatch(of: /"count":"(\d+)"/).flatMap { Int($0.1) }
    }
    let kept = lines.filter { $0.hasPrefix("line ") }
    #expect(!dropped.isEmpty && dropped.allSatisfy { $0 > 0 })
    #expect(kept.count >= 100 && kept.count <= 300)
    #expect(kept.count + dropped.reduce(0, +) == 1_001)
    #expect(kept.count + dropped.count == lines.count, "a line was torn")
    #expect(kept.first.map { $0 + "\n" } == line(0))
    #expect(kept.last.map { $0 + "\n" } == line(1_000))
  }

  /// Cut off after any write, the log ends with a whole line: a process may end while it is not
  /// read.
  @Test func aFullPipeHoldsWholeLines() throws {
    let pipe = try Pipe()
    let log = LogWriter(descriptor: pipe.writeEnd, format: .text)
    // All at once, so that the thread takes them all at once.
    log.append((0..<200).map(line).joined())
    #expect(!log.flush(within: .milliseconds(100)))
    var block = [UInt8](repeating: 0, count: 4_096)
    #expect(read(pipe.readEnd, &block, block.count) == 4_000)
  }

  @Test func whatCannotBeWrittenIsCounted() throws {
    var pipe: Pipe? = try Pipe()
    let writeEnd = try #require(pipe).writeEnd
    let log = LogWriter(descriptor: writeEnd, format: .text)
    pipe = nil
    // Without care for SIGPIPE the process would end here.
    for number in 0..<3 {
      log.append(line(number))
      #expect(log.flush(within: .seconds(5)))
    }
    // The same descriptor, read again.
    let second = try Pipe()
    #expect(dup2(second.writeEnd, writeEnd) == writeEnd)
    log.append(line(3))
    let lines = second.lines(2)
    #expect(lines.first.map { $0 + "\n" } == line(3))
    #expect(lines.last?.contains("log lines dropped count=3 ") == true, "\(lines)")
  }

  @Test func nothingToFlush() {
    #expect(LogWriter(descriptor: -1, format: .text).flush(within: .zero))
  }
}
