// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Finds a text among the entries of a list, straight from the bytes of a request.
///
/// Texts are equal when their bytes are. Swift's String would also take the two spellings of "é" in
/// Unicode for one, but to Katib and to the user's training program they are two values.
struct TextIndex: Sendable {
  /// The entries without repetitions, in the order of the list.
  let distinct: [String]
  /// The bytes of the distinct entries in ascending order, and the place of each in `distinct`.
  private let sorted: [(bytes: [UInt8], place: Int)]

  init(_ entries: [String]) {
    var known: Set<[UInt8]> = []
    let distinct = entries.filter { known.insert(Array($0.utf8)).inserted }
    self.distinct = distinct
    sorted = distinct.enumerated().map { (Array($1.utf8), $0) }.sorted { a, b in
      a.bytes.withUnsafeBufferPointer { a in
        b.bytes.withUnsafeBufferPointer { TextIndex.order(a, $0) < 0 }
      }
    }
  }

  /// The place of the entry that has exactly these bytes.
  subscript(text: UnsafeBufferPointer<UInt8>) -> Int? {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      let order = sorted[middle].bytes.withUnsafeBufferPointer { TextIndex.order($0, text) }
      if order == 0 { return sorted[middle].place }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// Negative, zero or positive: any total order would do, and the shorter first is quickest.
  private static func order(
    _ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>
  ) -> Int {
    if a.count != b.count { return a.count - b.count }
    guard let first = a.baseAddress, let second = b.baseAddress else { return 0 }
    return Int(memcmp(first, second, a.count))
  }
}
