// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Reads the JSON of `initial_points`: an array of objects from names to strings, numbers and
/// booleans.
///
/// Validation reads it on the I/O thread. A decoder for any JSON makes a tree of objects before it
/// tells what stands in them, at more than a microsecond for each value; and it keeps of a number
/// the value alone, where a list may have both 1 and 1.0 as entries. Whatever else JSON has can be
/// neither point nor value: it ends the reading, and the message tells where it stands. So do NaN
/// and Infinity, which JSON does not have and Python writes.
struct InitialPointReader {
  enum Fault: Error {
    /// The text is not JSON.
    case syntax
    /// Something stands where a point or a value should; in words.
    case problem(String)
  }

  private(set) var members: [InitialPointTexts.Member] = []
  private(set) var ends: [Int] = []
  private let bytes: [UInt8]
  private var i = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  mutating func read() throws(Fault) {
    try expect("[")
    if !skip("]") {
      repeat { try readPoint() } while skip(",")
      try expect("]")
    }
    guard next() == nil else { throw .syntax }
  }

  private mutating func readPoint() throws(Fault) {
    guard skip("{") else {
      guard startsValue() else { throw .syntax }
      throw .problem(
        "initial_points[\(ends.count)] must be an object from parameter name to a value")
    }
    if !skip("}") {
      repeat { try readMember() } while skip(",")
      try expect("}")
    }
    ends.append(members.count)
  }

  private mutating func readMember() throws(Fault) {
    guard next() == UInt8(ascii: "\""), let name = try readString() else { throw .syntax }
    try expect(":")
    guard startsValue() else { throw .syntax }
    guard let value = try readValue() else {
      throw .problem(
        "initial_points[\(ends.count)]: the value of parameter \(Quoted.text(name)) must be a "
          + "string, a finite number or a boolean")
    }
    members.append(InitialPointTexts.Member(name: name, value: value))
  }

  /// nil when what begins here is no string, finite number or boolean.
  private mutating func readValue() throws(Fault) -> InitialPointTexts.Value? {
    switch next() {
    case UInt8(ascii: "\""): try readString().map { .text($0) }
    case UInt8(ascii: "t"): skipWord("true") ? .flag(true) : nil
    case UInt8(ascii: "f"): skipWord("false") ? .flag(false) : nil
    default: readNumber().map { .number($0) }
    }
  }

  private mutating func readNumber() -> String? {
    let start = i
    while let byte = byte(i), byte.isDigit || "+-.eE".utf8.contains(byte) { i += 1 }
    let text = bytes[start..<i]
    // A number as `NumberText` reads it, without what JSON does not have: .5, 01 and 1.
    let first = text.first == UInt8(ascii: "-") ? start + 1 : start
    guard let digit = byte(first), digit.isDigit else { return nil }
    if digit == UInt8(ascii: "0"), byte(first + 1)?.isDigit == true { return nil }
    if let point = text.firstIndex(of: UInt8(ascii: ".")), byte(point + 1)?.isDigit != true {
      return nil
    }
    guard text.withUnsafeBufferPointer({ NumberText.parse($0) }) != nil else { return nil }
    return String(decoding: text, as: UTF8.self)
  }

  /// The string whose quotation mark is next; nil when something is in it that JSON does not allow.
  private mutating func readString() throws(Fault) -> String? {
    i += 1
    let start = i
    while let byte = byte(i), !byte.isSpecial { i += 1 }
    var text = bytes[start..<i]
    while let byte = byte(i), byte != UInt8(ascii: "\"") {
      if byte == UInt8(ascii: "\\") {
        guard let scalar = readEscape() else { return nil }
        text.append(contentsOf: String(scalar).utf8)
      } else {
        guard !byte.isSpecial else { return nil }
        text.append(byte)
        i += 1
      }
    }
    guard skip("\"") else { throw .syntax }
    return String(decoding: text, as: UTF8.self)
  }

  /// The character that a backslash and what follows it stand for.
  private mutating func readEscape() -> Unicode.Scalar? {
    guard let letter = byte(i + 1) else { return nil }
    i += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return readCodePoint()
    default: return nil
    }
  }

  /// Four hexadecimal digits, or twice as many for what UTF-16 has in two units.
  private mutating func readCodePoint() -> Unicode.Scalar? {
    guard let unit = readCodeUnit() else { return nil }
    guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
    guard byte(i) == UInt8(ascii: "\\"), byte(i + 1) == UInt8(ascii: "u") else { return nil }
    i += 2
    guard let trail = readCodeUnit(), UTF16.isTrailSurrogate(trail) else { return nil }
    return Unicode.Scalar(0x10000 + (UInt32(unit) & 0x3ff) << 10 + UInt32(trail) & 0x3ff)
  }

  private mutating func readCodeUnit() -> UInt16? {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = byte(i).flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
        return nil
      }
      unit = unit << 4 | UInt16(digit)
      i += 1
    }
    return unit
  }

  /// Whether a value of any kind begins here.
  private mutating func startsValue() -> Bool {
    guard let first = next() else { return false }
    if first == UInt8(ascii: "-") {
      return byte(i + 1).map { $0.isDigit || $0 == UInt8(ascii: "I") } ?? false
    }
    return first.isDigit || "\"[{tfnNI".utf8.contains(first)
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(Fault) {
    guard skip(character) else { throw .syntax }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard next() == UInt8(ascii: character) else { return false }
    i += 1
    return true
  }

  private mutating func skipWord(_ word: String) -> Bool {
    guard bytes[i...].starts(with: word.utf8) else { return false }
    i += word.utf8.count
    return true
  }

  /// The next byte that is no blank.
  private mutating func next() -> UInt8? {
    while let byte = byte(i) {
      guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return byte }
      i += 1
    }
    return nil
  }

  private func byte(_ index: Int) -> UInt8? {
    index < bytes.count ? bytes[index] : nil
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self &- UInt8(ascii: "0") <= 9 }

  /// Whether it is more than itself in a string of JSON.
  fileprivate var isSpecial: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}
