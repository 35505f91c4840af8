// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Reads the reply to a `GetObservationLogRequest` while it arrives, in pieces of any size, and
/// keeps the earliest values of one metric.
///
/// A log can have 100,000 lines of which four are wanted. So nothing but the line that a piece cut
/// in two is held, and the memory of a walk does not depend on the length of the log.
///
///     var walk = ObservationLogWalk(metricName: "accuracy", count: 4)
///     for piece in pieces { try walk.read(piece) }
///     try walk.finish()
///     walk.values
public struct ObservationLogWalk: Sendable {
  private static let logField: UInt32 = 1
  private static let lineField: UInt32 = 1

  private let metricName: [UInt8]
  private var earliest: EarliestValues
  /// How many lines the log has had, those of other metrics and without a number included.
  public private(set) var lineCount = 0

  /// The beginning of something that the pieces so far have not brought to its end.
  private var carried: [UInt8] = []
  /// Bytes of the present log message that are still to come; nil between log messages.
  private var logRemaining: UInt64?
  /// Bytes to pass over: the content of a field that nobody wants.
  private var skipRemaining: UInt64 = 0

  /// - Parameters:
  ///   - metricName: the metric to read.
  ///   - count: how many of its values to keep, the earliest ones.
  public init(metricName: String, count: Int) {
    self.metricName = Array(metricName.utf8)
    earliest = EarliestValues(count: count)
  }

  /// The earliest finite values, in the order of their times.
  public var values: [Double] { earliest.values }

  /// What is held for the next piece, in bytes.
  var carriedBytes: Int { carried.count }

  /// Takes in the next bytes of the message.
  public mutating func read(_ piece: UnsafeRawBufferPointer) throws(WireError) {
    let piece = piece.bindMemory(to: UInt8.self)
    guard !carried.isEmpty else {
      let used = try consume(piece)
      carried.append(contentsOf: piece[used...])
      return
    }
    carried.append(contentsOf: piece)
    var whole: [UInt8] = []
    swap(&whole, &carried)
    let outcome = whole.withUnsafeBufferPointer { bytes in
      Result { () throws(WireError) in try consume(bytes) }
    }
    whole.removeFirst(try outcome.get())
    carried = whole
  }

  /// Says that the message has ended.
  public func finish() throws(WireError) {
    guard carried.isEmpty, skipRemaining == 0, (logRemaining ?? 0) == 0 else {
      throw .malformed("observation_log: ends in the middle of a line")
    }
  }

  /// Reads whatever is complete.
  /// - Returns: the number of bytes used.
  private mutating func consume(_ bytes: UnsafeBufferPointer<UInt8>) throws(WireError) -> Int {
    var position = 0
    do throws(WireFault) {
      while true {
        position += skip(bytes.count - position)
        if logRemaining == 0 { logRemaining = nil }
        guard position < bytes.count else { return position }
        let rest = UnsafeBufferPointer(rebasing: bytes[position...])
        guard let head = try FieldHead(rest), let used = try step(head, rest) else {
          return position
        }
        position += used
      }
    } catch {
      throw error.inside("observation_log").error
    }
  }

  /// Reads one field, or its head alone where its content is passed over or walked into.
  /// - Returns: the number of bytes used; nil when more are needed.
  private mutating func step(
    _ head: FieldHead, _ bytes: UnsafeBufferPointer<UInt8>
  ) throws(WireFault) -> Int? {
    guard let remaining = logRemaining else {
      if head.type == .lengthDelimited, head.field == ObservationLogWalk.logField {
        logRemaining = head.length
      } else {
        skipRemaining = head.length
      }
      return head.byteCount
    }
    let (size, overflow) = head.length.addingReportingOverflow(UInt64(head.byteCount))
    guard !overflow, size <= remaining else {
      throw WireFault(problem: "a line that is longer than its log")
    }
    let isLine =
      head.type == .lengthDelimited && head.field == ObservationLogWalk.lineField
      && head.length <= UInt64(WireLimits.longestLogLine)
    guard isLine else {
      skipRemaining = head.length
      logRemaining = remaining - UInt64(head.byteCount)
      return head.byteCount
    }
    guard size <= UInt64(bytes.count) else { return nil }
    try addLine(UnsafeBufferPointer(rebasing: bytes[head.byteCount..<Int(size)]))
    logRemaining = remaining - size
    return Int(size)
  }

  /// - Returns: the number of bytes passed over.
  private mutating func skip(_ available: Int) -> Int {
    let count = min(skipRemaining, UInt64(available))
    skipRemaining -= count
    if let remaining = logRemaining { logRemaining = remaining - count }
    return Int(count)
  }

  private mutating func addLine(_ line: UnsafeBufferPointer<UInt8>) throws(WireFault) {
    lineCount += 1
    var time: Int64?
    var name = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    var value = name
    var cursor = WireCursor(line)
    while !cursor.isAtEnd {
      switch try cursor.tag() {
      case (1, .lengthDelimited): time = Timestamp.nanoseconds(try cursor.payload())
      case (2, .lengthDelimited):
        var metric = WireCursor(try cursor.payload())
        while !metric.isAtEnd {
          switch try metric.tag() {
          case (1, .lengthDelimited): name = try metric.payload()
          case (2, .lengthDelimited): value = try metric.payload()
          case (let field, let type): try metric.skip(field: field, type)
          }
        }
      case (let field, let type): try cursor.skip(field: field, type)
      }
    }
    guard name.elementsEqual(metricName), let number = NumberText.parse(value) else { return }
    earliest.add(number, time: time)
  }
}

/// What comes before the content of a field.
private struct FieldHead {
  let field: UInt32
  let type: WireType
  /// The bytes of content that follow.
  let length: UInt64
  /// The bytes of the head itself.
  let byteCount: Int

  /// nil when the bytes end too early.
  init?(_ bytes: UnsafeBufferPointer<UInt8>) throws(WireFault) {
    var cursor = WireCursor(bytes)
    guard FieldHead.hasVarint(bytes, at: 0) else { return nil }
    (field, type) = try cursor.tag()
    switch type {
    case .varint, .lengthDelimited:
      guard FieldHead.hasVarint(bytes, at: cursor.position) else { return nil }
      let value = try cursor.varint()
      length = type == .lengthDelimited ? value : 0
    case .fixed32: length = 4
    case .fixed64: length = 8
    case .startGroup, .endGroup:
      throw WireFault(problem: "field \(field) is a group, which proto3 does not have")
    }
    byteCount = cursor.position
  }

  /// Whether the bytes hold the end of a varint that begins there; one that is too long counts as
  /// whole, for the cursor to refuse.
  private static func hasVarint(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    let window = bytes[start...].prefix(10)
    return window.count == 10 || window.contains { $0 < 0x80 }
  }
}
