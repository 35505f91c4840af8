// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct PendingInputTests {
  private func append(_ bytes: [UInt8], to input: inout PendingInput) {
    bytes.withUnsafeBytes { input.append($0) }
  }

  @Test func bytesComeInOrder() {
    var input = PendingInput()
    var next: UInt8 = 0
    var read: UInt8 = 0
    for step in 0..<500 {
      let more = (0..<step % 17).map { next &+ UInt8($0) }
      next &+= UInt8(more.count)
      append(more, to: &input)
      let count = min(input.count, step % 13)
      #expect(
        input.bytes[input.start..<input.start + count].elementsEqual(
          (0..<count).map { read &+ UInt8($0) }))
      input.consume(count)
      read &+= UInt8(count)
      #expect(input.bytes.count <= 2 * input.count + 13)
    }
  }

  @Test func nothingStaysBehind() {
    var input = PendingInput()
    for _ in 0..<1_000 {
      append([UInt8](repeating: 1, count: 60_000), to: &input)
      input.consume(input.count - 10)
      #expect(input.bytes.count == 10)
      #expect(input.bytes.capacity < 1_000)
    }
    input.consume(10)
    #expect(input.isEmpty && input.bytes.capacity == 0)
  }
}
