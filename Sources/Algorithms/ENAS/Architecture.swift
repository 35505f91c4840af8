// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Numerics

/// How large the search is: layers in a row, each one of so many operations, each pair of layers
/// connected by a skip or not.
struct ArchitectureSpace: Sendable, Equatable {
  /// At least 1.
  let layers: Int
  /// At least 1.
  let operations: Int

  /// The number of pairs of layers.
  var skips: Int { layers * (layers - 1) / 2 }

  /// The place of the connection from layer `source` to layer `layer` in `Architecture.skips`.
  static func skip(_ source: Int, to layer: Int) -> Int { layer * (layer - 1) / 2 + source }

  /// An architecture with independent, equally likely operations and skips of the given rate.
  func random(skipRate: Double, using random: inout RandomSource) -> Architecture {
    Architecture(
      operations: (0..<layers).map { _ in Int32(random.uniform(below: operations)) },
      skips: (0..<skips).map { _ in random.uniform() < skipRate })
  }
}

/// A network: an operation per layer, and the skips into each layer from those before it.
struct Architecture: Hashable, Sendable {
  /// Operation ids, one per layer.
  var operations: [Int32]
  /// One bit per pair of layers: those into layer 1, then those into layer 2, and so on.
  var skips: [Bool]

  /// `[[3], [0, 1], [2, 1, 0]]`: for each layer its operation and its skips, as Katib spells it.
  var text: String {
    var text = "["
    text.reserveCapacity(3 * skips.count + 8 * operations.count)
    var skip = 0
    for (layer, operation) in operations.enumerated() {
      text += layer == 0 ? "[" : ", ["
      text += String(operation)
      for _ in 0..<layer {
        text += skips[skip] ? ", 1" : ", 0"
        skip += 1
      }
      text += "]"
    }
    return text + "]"
  }

  init(operations: [Int32], skips: [Bool]) {
    self.operations = operations
    self.skips = skips
  }

  /// The architecture that a trial was given, or nil when the text is none of this space: trials
  /// may come from another implementation, or from a same-named Experiment with other layers.
  init?(_ text: String, in space: ArchitectureSpace) {
    operations = []
    skips = []
    operations.reserveCapacity(space.layers)
    skips.reserveCapacity(space.skips)
    var text = text
    let isWhole = text.withUTF8 { bytes in
      var reader = ListReader(bytes)
      return read(&reader, in: space)
    }
    guard isWhole else { return nil }
  }

  private mutating func read(_ reader: inout ListReader, in space: ArchitectureSpace) -> Bool {
    guard reader.take("[") else { return false }
    for layer in 0..<space.layers {
      guard layer == 0 || reader.take(","), reader.take("[") else { return false }
      guard let operation = reader.number(), operation < space.operations else { return false }
      operations.append(Int32(operation))
      for _ in 0..<layer {
        guard reader.take(","), let bit = reader.number(), bit <= 1 else { return false }
        skips.append(bit == 1)
      }
      guard reader.take("]") else { return false }
    }
    return reader.take("]") && reader.isAtEnd
  }
}

/// Reads lists of small numbers from a text with blanks anywhere between its pieces.
private struct ListReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var place = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  var isAtEnd: Bool {
    mutating get {
      skipBlanks()
      return place == bytes.count
    }
  }

  mutating func take(_ wanted: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard place < bytes.count, bytes[place] == UInt8(ascii: wanted) else { return false }
    place += 1
    return true
  }

  /// Up to nine digits; nil for anything else.
  mutating func number() -> Int? {
    skipBlanks()
    let start = place
    var value = 0
    while place < bytes.count, place - start < 9 {
      let digit = bytes[place] &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      value = value * 10 + Int(digit)
      place += 1
    }
    return place > start ? value : nil
  }

  private mutating func skipBlanks() {
    while place < bytes.count, bytes[place] == 0x20 || (0x09...0x0d).contains(bytes[place]) {
      place += 1
    }
  }
}
