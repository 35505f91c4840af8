// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// All trials that a request shows, as columns: entry i of every column belongs to trial i.
///
/// Katib sends trials in no particular order. The columns stand in canonical order, which does not
/// depend on the order of arrival: by completion time, where there is none by start time, then by
/// name. So an engine that walks them gives the same reply to a shuffled request. Algorithms that
/// number their trials in the trial name refine the order themselves.
public struct History: Sendable {
  public fileprivate(set) var names: [String] = []
  public fileprivate(set) var conditions: [TrialCondition] = []
  /// Seconds since 1970; nil while unset.
  public fileprivate(set) var startTimes: [Int64?] = []
  public fileprivate(set) var completionTimes: [Int64?] = []
  /// The objective metric as observed; NaN when missing, unreadable or not finite.
  public fileprivate(set) var objectives: [Double] = []
  /// One column per parameter of the search space: the reading of the assignment (see
  /// `Parameter`), NaN when missing or unreadable.
  public fileprivate(set) var readings: [[Double]] = []
  /// One column per text assignment that the algorithm asked for (see `HistoryBuilder`); nil
  /// where the trial has none.
  public fileprivate(set) var texts: [[String?]] = []

  public var count: Int { names.count }
  public var isEmpty: Bool { names.isEmpty }

  public init(space: SearchSpace) {
    readings = Array(repeating: [], count: space.dimension)
  }

  public func role(_ trial: Int) -> TrialRole {
    TrialRole(conditions[trial], hasObjective: !objectives[trial].isNaN)
  }

  /// The readings of one trial, in the order of the search space.
  public func readings(ofTrial trial: Int) -> [Double] { readings.map { $0[trial] } }

  /// When the trial happened: its completion time, else its start time (a trial stopped early
  /// never gets a completion time); after everything else while it has neither.
  public func eventTime(_ trial: Int) -> Int64 {
    completionTimes[trial] ?? startTimes[trial] ?? .max
  }

  /// What the columns take in memory, more or less.
  public var estimatedBytes: Int {
    let cells = MemoryLayout<Double>.stride * (readings.count + 1)
    let times = 2 * MemoryLayout<Int64?>.stride + MemoryLayout<TrialCondition>.stride
    let strings = MemoryLayout<String?>.stride * (texts.count + 1)
    return texts.reduce(count * (cells + times + strings) + History.heapBytes(names)) {
      $0 + History.heapBytes($1.lazy.compactMap { $0 })
    }
  }

  /// A String of up to 15 bytes needs no memory besides itself.
  private static func heapBytes(_ strings: some Sequence<String>) -> Int {
    strings.reduce(0) { $0 + ($1.utf8.count > 15 ? $1.utf8.count + 32 : 0) }
  }

  /// Seconds from start to completion; nil while either is unknown.
  public func duration(_ trial: Int) -> Double? {
    guard let start = startTimes[trial], let end = completionTimes[trial], end >= start else {
      return nil
    }
    return Double(end - start)
  }
}

/// Fills a history trial by trial, straight from the bytes of a request.
///
/// No String is made for what becomes a number, and none for what is not asked for: a request of
/// 10,000 trials with 20 parameters holds 200,000 assignments.
public struct HistoryBuilder {
  private let space: SearchSpace
  private let textNames: [[UInt8]]
  private let metricName: [UInt8]
  private var history: History
  private var trialMetricName: [UInt8]?
  private var objective = Double.nan
  private var expected = 0

  /// - Parameters:
  ///   - metricName: the Experiment's objective metric, for trials that do not name their own.
  ///   - textAssignments: names of assignments to keep as text, although (or whether or not) they
  ///     are no parameters of the space.
  ///   - capacity: the number of trials to make room for.
  public init(
    space: SearchSpace, metricName: String, textAssignments: [String] = [], capacity: Int = 0
  ) {
    self.space = space
    self.metricName = Array(metricName.utf8)
    textNames = textAssignments.map { Array($0.utf8) }
    history = History(space: space)
    history.texts = Array(repeating: [], count: textNames.count)
    history.names.reserveCapacity(capacity)
    history.conditions.reserveCapacity(capacity)
    history.startTimes.reserveCapacity(capacity)
    history.completionTimes.reserveCapacity(capacity)
    history.objectives.reserveCapacity(capacity)
    for i in history.readings.indices { history.readings[i].reserveCapacity(capacity) }
  }

  /// Opens the next trial. Unknown condition numbers count as UNKNOWN.
  /// - Parameter metricName: the objective metric that the trial itself names; empty when none.
  public mutating func beginTrial(
    name: String, conditionNumber: Int, metricName: UnsafeBufferPointer<UInt8>,
    startTime: Int64?, completionTime: Int64?
  ) {
    history.names.append(name)
    history.conditions.append(TrialCondition(rawValue: conditionNumber) ?? .unknown)
    history.startTimes.append(startTime)
    history.completionTimes.append(completionTime)
    for i in history.readings.indices { history.readings[i].append(.nan) }
    for i in history.texts.indices { history.texts[i].append(nil) }
    let isOwn = !metricName.isEmpty && !metricName.elementsEqual(self.metricName)
    trialMetricName = isOwn ? Array(metricName) : nil
    objective = .nan
    expected = 0
  }

  /// Adds an assignment of the open trial; names that nobody asked for are passed over, and of a
  /// repeated name the last one stays.
  public mutating func assign(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    for (i, textName) in textNames.enumerated() where HistoryBuilder.equal(name, textName) {
      history.texts[i][history.count - 1] = String(decoding: value, as: UTF8.self)
    }
    // Assignments come in the order of the spec, so the next parameter is nearly always the one.
    let count = space.dimension
    for offset in 0..<count {
      var i = expected + offset
      if i >= count { i -= count }
      if HistoryBuilder.equal(name, space.parameters[i].nameBytes) {
        history.readings[i][history.count - 1] = space.parameters[i].reading(value)
        expected = i + 1 == count ? 0 : i + 1
        return
      }
    }
  }

  /// Adds an observed metric of the open trial; only the objective is kept.
  public mutating func observe(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
  ) {
    guard HistoryBuilder.equal(name, trialMetricName ?? metricName) else { return }
    objective = NumberText.parse(value) ?? .nan
  }

  public mutating func endTrial() {
    history.objectives.append(objective)
  }

  /// The history in canonical order.
  public consuming func finish() -> History {
    let history = self.history
    let order = (0..<history.count).sorted { a, b in
      let (ta, tb) = (history.eventTime(a), history.eventTime(b))
      if ta != tb { return ta < tb }
      if history.names[a] != history.names[b] { return history.names[a] < history.names[b] }
      return HistoryBuilder.precedes(a, b, history)
    }
    return history.reordered(order)
  }

  /// A tie-break for trials of one name (a same-named Experiment elsewhere may have them): by
  /// content, so that not even then the order of arrival shows.
  private static func precedes(_ a: Int, _ b: Int, _ history: History) -> Bool {
    if history.conditions[a] != history.conditions[b] {
      return history.conditions[a].rawValue < history.conditions[b].rawValue
    }
    // In one of the two columns may stand what is missing in the other.
    for times in [history.startTimes, history.completionTimes] where times[a] != times[b] {
      return (times[a] ?? .max) < (times[b] ?? .max)
    }
    let (ya, yb) = (history.objectives[a].bitPattern, history.objectives[b].bitPattern)
    if ya != yb { return ya < yb }
    for column in history.readings where column[a].bitPattern != column[b].bitPattern {
      return column[a].bitPattern < column[b].bitPattern
    }
    for column in history.texts where column[a] != column[b] {
      return (column[a] ?? "") < (column[b] ?? "")
    }
    return false
  }

  private static func equal(_ a: UnsafeBufferPointer<UInt8>, _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return b.withUnsafeBytes { bytes in
      guard let first = a.baseAddress, let second = bytes.baseAddress else { return true }
      return memcmp(first, second, bytes.count) == 0
    }
  }
}

extension History {
  /// The same trials in another order; `order` names each at most once.
  public func reordered(_ order: [Int]) -> History {
    var other = self
    other.names = order.map { names[$0] }
    other.conditions = order.map { conditions[$0] }
    other.startTimes = order.map { startTimes[$0] }
    other.completionTimes = order.map { completionTimes[$0] }
    other.objectives = order.map { objectives[$0] }
    other.readings = readings.map { column in order.map { column[$0] } }
    other.texts = texts.map { column in order.map { column[$0] } }
    return other
  }
}
