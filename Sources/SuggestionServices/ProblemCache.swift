// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
internal import CommonServices
internal import Glibc
internal import Synchronization

/// The Experiments asked about lately, decoded and checked.
///
/// Every request of an Experiment brings the same message of it, byte for byte, beside a history
/// that grows. Decoding and checking that message costs more than all the rest of a small request,
/// so the result is kept. What is kept is a pure function of the bytes, and the bytes are compared
/// whole: the cache can save time and do nothing else.
final class ProblemCache: Sendable {
  private struct Entry {
    var bytes: [UInt8]
    var problem: Problem
  }

  /// The most recently used first.
  private let entries = Mutex<[Entry]>([])

  /// - Parameter experiment: the bytes of the Experiment's message; nil is never kept.
  /// - Parameter make: decodes and checks; what it throws is thrown, and not remembered.
  func problem(
    experiment: UnsafeRawBufferPointer?, make: () throws -> Problem
  ) throws -> Problem {
    guard let experiment, experiment.count <= ServiceLimits.keptExperimentBytes else {
      return try make()
    }
    if let known = entries.withLock({ ProblemCache.find(experiment, in: &$0) }) { return known }
    let problem = try make()
    let entry = Entry(bytes: Array(experiment), problem: problem)
    entries.withLock { entries in
      // Two requests may have made the same one at once; a second copy does no harm.
      entries.insert(entry, at: 0)
      if entries.count > ServiceLimits.keptExperiments { entries.removeLast() }
    }
    return problem
  }

  private static func find(
    _ experiment: UnsafeRawBufferPointer, in entries: inout [Entry]
  ) -> Problem? {
    for i in entries.indices where equal(entries[i].bytes, experiment) {
      if i > 0 { entries.insert(entries.remove(at: i), at: 0) }
      return entries[0].problem
    }
    return nil
  }

  private static func equal(_ a: [UInt8], _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    guard let other = b.baseAddress, !a.isEmpty else { return true }
    return a.withUnsafeBytes { $0.baseAddress.map { memcmp($0, other, b.count) == 0 } ?? true }
  }
}
