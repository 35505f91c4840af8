// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Memory for the bytes of messages.
///
/// Large blocks are mapped one by one, so that the system has them back the moment they are freed.
/// malloc would do the same at first, but learns from the first large block it frees to keep such
/// blocks on its heap: after one burst of large messages the process would stay large.
enum MessageMemory {
  /// From this size on a block is mapped by itself.
  private static let mappedBytes = 256 << 10

  /// - Returns: nil if there is no memory.
  static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
    guard count >= mappedBytes else { return malloc(max(1, count)) }
    let block = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return block == MAP_FAILED ? nil : block
  }

  /// - Parameter count: as it was allocated.
  static func free(_ block: UnsafeMutableRawPointer, count: Int) {
    if count >= mappedBytes { munmap(block, count) } else { Glibc.free(block) }
  }
}
