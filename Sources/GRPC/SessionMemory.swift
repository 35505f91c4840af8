// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CNghttp2
internal import Glibc

/// Memory for nghttp2's small objects: streams, header fields and frames, eight allocations a request.
///
/// Blocks that are freed wait in a list for the next one of their size. malloc does the same for seven
/// blocks of a size and thread; with a hundred streams in flight everything beyond goes the long way,
/// which took a tenth of the time of a small request.
///
/// One such memory belongs to one thread, like the sessions that use it, and outlives them.
final class SessionMemory {
  /// What the C callbacks see.
  private struct State {
    /// The first free block of each size; each block begins with the address of the next.
    var free: InlineArray<16, UnsafeMutableRawPointer?> = InlineArray(repeating: nil)
    /// How many there are of each.
    var counts: InlineArray<16, Int> = InlineArray(repeating: 0)
  }

  /// Blocks come in multiples of this, up to sixteen times as large; larger ones are malloc's.
  private static let unit = 64
  private static let classes = 16
  /// In front of each block stands its class, or `classes`. 16 bytes keep the block aligned.
  private static let header = 16
  /// How many free blocks of a size are kept: as many as a busy server has streams in flight, at
  /// most 2 MB of all sizes.
  private static let most = 256

  private let state: UnsafeMutablePointer<State>
  /// Give this to nghttp2, which copies it.
  let functions: nghttp2_mem

  init() {
    state = .allocate(capacity: 1)
    state.initialize(to: State())
    functions = nghttp2_mem(
      mem_user_data: state,
      malloc: { size, data in SessionMemory.take(size, data) },
      free: { block, data in SessionMemory.give(block, data) },
      calloc: { count, size, data in
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, let block = SessionMemory.take(bytes, data) else { return nil }
        return memset(block, 0, bytes)
      },
      realloc: { block, size, data in SessionMemory.resize(block, size, data) })
  }

  deinit {
    for i in 0..<SessionMemory.classes {
      while let block = state.pointee.free[i] {
        state.pointee.free[i] = block.load(as: UnsafeMutableRawPointer?.self)
        Glibc.free(block - SessionMemory.header)
      }
    }
    state.deinitialize(count: 1)
    state.deallocate()
  }

  private static func take(
    _ size: Int, _ data: UnsafeMutableRawPointer?
  ) -> UnsafeMutableRawPointer? {
    guard let state = data?.assumingMemoryBound(to: State.self) else { return nil }
    guard size <= classes * unit else {
      guard size <= Int.max - header else { return nil }
      return block(of: size, class: classes)
    }
    let index = max(0, size - 1) / unit
    if let block = state.pointee.free[index] {
      state.pointee.free[index] = block.load(as: UnsafeMutableRawPointer?.self)
      state.pointee.counts[index] -= 1
      return block
    }
    return block(of: (index + 1) * unit, class: index)
  }

  private static func block(of size: Int, class index: Int) -> UnsafeMutableRawPointer? {
    guard let start = malloc(header + size) else { return nil }
    start.storeBytes(of: index, as: Int.self)
    return start + header
  }

  private static func give(_ block: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?) {
    guard let block, let state = data?.assumingMemoryBound(to: State.self) else { return }
    let index = (block - header).load(as: Int.self)
    guard index < classes, state.pointee.counts[index] < most else {
      Glibc.free(block - header)
      return
    }
    block.storeBytes(of: state.pointee.free[index], as: UnsafeMutableRawPointer?.self)
    state.pointee.free[index] = block
    state.pointee.counts[index] += 1
  }

  private static func resize(
    _ block: UnsafeMutableRawPointer?, _ size: Int, _ data: UnsafeMutableRawPointer?
  ) -> UnsafeMutableRawPointer? {
    guard let block else { return take(size, data) }
    let index = (block - header).load(as: Int.self)
    if index == classes {
      // malloc's own size is not known here, but realloc knows it.
      guard size <= Int.max - header, let start = realloc(block - header, header + size) else {
        return nil
      }
      return start + header
    }
    let room = (index + 1) * unit
    if size <= room { return block }
    guard let larger = take(size, data) else { return nil }
    memcpy(larger, block, room)
    give(block, data)
    return larger
  }
}
