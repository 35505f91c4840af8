// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct PassingReaderTests {
  private func frame(_ flag: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    let length = UInt32(bytes.count)
    return [flag] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32($0))) }
      + bytes
  }

  @Test(arguments: 1...12)
  func anyCutGivesTheSame(size: Int) {
    let stream = frame(0, [1, 2, 3]) + frame(1, []) + frame(0, Array(10...30))
    var reader = PassingReader()
    var prefixes: [MessageReader.Prefix] = []
    var bytes: [UInt8] = []
    var start = 0
    while start < stream.count {
      let piece = Array(stream[start..<min(stream.count, start + size)])
      start += piece.count
      piece.withUnsafeBytes { piece in
        var rest = piece
        while true {
          switch reader.next(&rest) {
          case .starved: return
          case .prefix(let prefix): prefixes.append(prefix)
          case .bytes(let part):
            #expect(!part.isEmpty)
            bytes.append(contentsOf: part)
          }
        }
      }
    }
    #expect(prefixes.map(\.flag) == [0, 1, 0])
    #expect(prefixes.map(\.length) == [3, 0, 21])
    #expect(bytes == [1, 2, 3] + Array(10...30))
    #expect(reader.isBetweenMessages)
  }

  @Test func aMessageCutShortIsNoticed() {
    var reader = PassingReader()
    let stream: [UInt8] = [0, 0, 0, 0, 2, 7]
    stream.withUnsafeBytes { bytes in
      var rest = bytes
      while case .starved = reader.next(&rest) { return }
      #expect(!reader.isBetweenMessages)
      _ = reader.next(&rest)
      #expect(!reader.isBetweenMessages)
    }
  }
}
