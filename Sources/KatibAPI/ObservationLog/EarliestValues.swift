// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The first so many values of a log by time, whatever the order they come in.
///
/// A heap with the latest of them on top holds no more than `count` values, so a log of any length
/// passes through. Of values with the same time those that came first stay, and a log that comes in
/// order costs one comparison for each value past the first `count`.
public struct EarliestValues: Sendable {
  private struct Entry {
    /// Nanoseconds since 1970; without a readable time a value is later than all others.
    var time: Int64
    var arrival: Int
    var value: Double

    func isLater(than other: Entry) -> Bool {
      time != other.time ? time > other.time : arrival > other.arrival
    }
  }

  /// How many values are kept at most.
  public let count: Int
  private var heap: [Entry] = []
  private var arrivals = 0

  public init(count: Int) {
    self.count = max(0, count)
  }

  /// - Parameter time: nanoseconds since 1970; nil when it is unknown.
  public mutating func add(_ value: Double, time: Int64?) {
    let entry = Entry(time: time ?? .max, arrival: arrivals, value: value)
    arrivals += 1
    if heap.count < count {
      heap.append(entry)
      siftUp()
    } else if let latest = heap.first, latest.isLater(than: entry) {
      heap[0] = entry
      siftDown()
    }
  }

  /// The values in the order of their times.
  public var values: [Double] {
    heap.sorted { $1.isLater(than: $0) }.map(\.value)
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isLater(than: heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var latest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].isLater(than: heap[latest]) { latest = child }
      }
      guard latest != parent else { return }
      heap.swapAt(parent, latest)
      parent = latest
    }
  }
}
