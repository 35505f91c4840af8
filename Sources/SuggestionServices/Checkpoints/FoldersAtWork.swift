// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// The folders that calls of this process are making.
///
/// A controller asks again as soon as a call has missed its deadline, while that call may still be
/// on its way out: the second one waits for the first to leave its work in order, and goes on
/// from there.
final class FoldersAtWork: Sendable {
  private let paths = Mutex<Set<String>>([])

  private static let pauseMicroseconds: UInt32 = 10_000

  func contains(_ path: String) -> Bool { paths.withLock { $0.contains(path) } }

  /// Runs `body` when no other call makes the folder.
  /// - Throws: what `checkCancellation` throws while waiting, and what `body` throws.
  func alone<R>(
    at path: String, checkCancellation: () throws -> Void, _ body: () throws -> R
  ) throws -> R {
    while !paths.withLock({ $0.insert(path).inserted }) {
      try checkCancellation()
      usleep(FoldersAtWork.pauseMicroseconds)
    }
    defer { paths.withLock { _ = $0.remove(path) } }
    return try body()
  }
}
