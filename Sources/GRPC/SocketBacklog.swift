// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore

/// What waits for a peer to read: how to tell one that reads slowly from one that does not read.
///
/// There is no event for bytes that leave. A promise for each write would tell when a chunk has left
/// for the kernel, but costs every small reply an allocation, and a kernel whose buffer is full takes
/// nothing until a third of it is free: at 10 kB/s that is minutes. So two looks are compared.
struct SocketBacklog {
  /// Bytes the kernel has not taken yet.
  private let inChannel: Int
  /// Memory of what the peer has not acknowledged yet.
  private let inKernel: Int

  init(_ channel: any Channel) {
    inChannel = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    inKernel = Int(SocketMemory(channel)?.writeQueued ?? 0)
  }

  /// Whether the peer's kernel has everything.
  var isEmpty: Bool { inChannel == 0 && inKernel == 0 }

  /// Whether anything has left since an earlier look. What left the channel went to the kernel, so
  /// that the sum says nothing.
  func hasMoved(since earlier: SocketBacklog) -> Bool {
    inChannel < earlier.inChannel || inKernel < earlier.inKernel
  }
}

/// What SO_MEMINFO tells (linux/sock_diag.h).
private struct SocketMemory {
  private typealias Fields = (
    readAllocated: UInt32, readLimit: UInt32, writeAllocated: UInt32, writeLimit: UInt32,
    forwardAllocated: UInt32, writeQueued: UInt32, options: UInt32, backlog: UInt32, drops: UInt32
  )

  /// Memory of the send queue, the end of the stream included.
  let writeQueued: UInt32

  /// - Returns: nil where the system does not tell.
  init?(_ channel: any Channel) {
    guard let provider = channel as? any SocketOptionProvider else { return nil }
    let answer: EventLoopFuture<Fields> = provider.unsafeGetSocketOption(
      level: .socket, name: NIOBSDSocket.Option(rawValue: SO_MEMINFO))
    // On the loop it is there at once.
    var fields: Fields?
    answer.assumeIsolated().whenSuccess { fields = $0 }
    guard let fields else { return nil }
    writeQueued = fields.writeQueued
  }
}
