// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

extension UnsafeBufferPointer<UInt8> {
  /// Whether the bytes are those of `text`. Header names are compared like this: no string is ever
  /// made of one.
  @inline(__always)
  func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount, let start = baseAddress else { return false }
    return memcmp(start, text.utf8Start, count) == 0
  }

  /// Whether the bytes begin with those of `text`.
  @inline(__always)
  func hasPrefix(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length, let start = baseAddress else { return false }
    return memcmp(start, text.utf8Start, length) == 0
  }

  /// Whether the bytes end with those of `text`.
  @inline(__always)
  func hasSuffix(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length, let start = baseAddress else { return false }
    return memcmp(start + (count - length), text.utf8Start, length) == 0
  }

  /// Visits the parts of a comma-separated list, without the blanks around them.
  func forEachListItem(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    var start = 0
    for index in 0...count where index == count || self[index] == UInt8(ascii: ",") {
      var (low, high) = (start, index)
      while low < high, self[low] == 0x20 || self[low] == 0x09 { low += 1 }
      while high > low, self[high - 1] == 0x20 || self[high - 1] == 0x09 { high -= 1 }
      if low < high { body(UnsafeBufferPointer(rebasing: self[low..<high])) }
      start = index + 1
    }
  }
}
