// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Objects by small integers: a dictionary for keys that the table itself hands out.
struct SlotTable<Element: AnyObject> {
  private var slots: [Element?] = []
  private var free: [Int] = []

  var count: Int { slots.count - free.count }
  var isEmpty: Bool { count == 0 }

  /// - Returns: the slot of the element, for ``remove(_:)``.
  mutating func insert(_ element: Element) -> Int {
    if let slot = free.popLast() {
      slots[slot] = element
      return slot
    }
    slots.append(element)
    return slots.count - 1
  }

  mutating func remove(_ slot: Int) {
    guard slots.indices.contains(slot), slots[slot] != nil else { return }
    slots[slot] = nil
    free.append(slot)
  }

  /// The elements at this moment, in no order.
  var elements: [Element] { slots.compactMap { $0 } }
}
