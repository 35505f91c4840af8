// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
internal import ExperimentModel

/// Reads requests that carry an experiment (field 1) and its trials (field 2), without ever
/// holding them unpacked as a whole.
///
/// A request of 16 MiB unpacks into up to sixty times that. So the outermost message is walked
/// here, by hand; protobuf-c unpacks the experiment, and then one trial after the other, each into
/// the same memory, from where it goes into the columns of a history. What this needs is one
/// trial and the columns, whatever the size of the request.
struct TrialsRequestWalk {
  typealias Bytes = UnsafeBufferPointer<UInt8>

  private enum FieldNumber {
    static let experiment: UInt32 = 1
    static let trials: UInt32 = 2
  }

  /// Where the experiment field begins and how often it comes: once, unless somebody repeats it,
  /// which proto3 reads as one message cut into pieces.
  private var firstExperiment: Bytes?
  private var experimentCount = 0
  private(set) var trialCount = 0
  private let bytes: Bytes
  /// Scalar fields of these requests have numbers below this.
  private static let scalarLimit = 8
  /// The last varint of each field, by number.
  private var scalars: InlineArray<8, UInt64> = InlineArray(repeating: 0)

  /// Walks the outermost fields and checks their framing, not their content.
  init(_ bytes: UnsafeRawBufferPointer) throws(WireError) {
    self.bytes = bytes.bindMemory(to: UInt8.self)
    var cursor = WireCursor(self.bytes)
    do throws(WireFault) {
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag()
        switch (field, type) {
        case (FieldNumber.trials, .lengthDelimited):
          _ = try cursor.payload()
          trialCount += 1
        case (FieldNumber.experiment, .lengthDelimited):
          let payload = try cursor.payload()
          if experimentCount == 0 { firstExperiment = payload }
          experimentCount += 1
        case (_, .varint):
          let value = try cursor.varint()
          if field < TrialsRequestWalk.scalarLimit { scalars[Int(field)] = value }
        default: try cursor.skip(field: field, type)
        }
      }
    } catch {
      throw error.error
    }
    guard trialCount <= WireLimits.mostTrials else {
      throw .limit(
        "the request has \(trialCount) trials, the limit is \(WireLimits.mostTrials)")
    }
  }

  /// The value of an int32 field, 0 when unset.
  func int32(field: Int) -> Int {
    Int(Int32(truncatingIfNeeded: scalars[field]))
  }

  /// The text of a string field, empty when unset.
  func text(field wanted: UInt32) throws(WireError) -> String {
    var last = Bytes(start: nil, count: 0)
    var cursor = WireCursor(bytes)
    while let payload = next(wanted, &cursor) { last = payload }
    guard UTF8Check.check(last) == .fine else {
      throw .malformed("field \(wanted): text that is not valid UTF-8 or has a NUL in it")
    }
    return String(decoding: last, as: UTF8.self)
  }

  /// Where in the request the experiment stands; nil when there is none, or it comes in pieces.
  var experimentRange: Range<Int>? {
    guard experimentCount == 1, let piece = firstExperiment?.baseAddress,
      let start = bytes.baseAddress
    else { return nil }
    let offset = piece - start
    return offset..<offset + (firstExperiment?.count ?? 0)
  }

  /// Unpacks the experiment and hands it to `read`; nil when the request has none.
  func experiment<Result>(
    using arenas: ArenaPool, _ read: (C.Experiment?) throws(WireError) -> Result
  ) throws(WireError) -> Result {
    guard let first = firstExperiment else { return try read(nil) }
    return try arenas.withArena { arena throws(WireError) in
      let whole = experimentCount == 1 ? first : try joinedExperiment(arena)
      let experiment: C.Experiment
      do throws(UnpackError) {
        experiment = try arena.unpack(whole, as: C.Experiment.self).pointee
      } catch {
        throw error.error(inside: "experiment")
      }
      return try read(experiment)
    }
  }

  /// Refuses a history that would be too large, before room is made for it.
  func checkSize(parameterCount: Int) throws(WireError) {
    let (cells, overflow) = trialCount.multipliedReportingOverflow(by: parameterCount)
    guard !overflow, cells <= WireLimits.mostCells else {
      throw .limit(
        "the request has \(trialCount) trials of \(parameterCount) parameters, the limit is "
          + "\(WireLimits.mostCells) values in all")
    }
  }

  /// Moves every trial into `history`, in the order of arrival.
  func addTrials(
    to history: inout HistoryBuilder, parameterCount: Int, using arenas: ArenaPool
  ) throws(WireError) {
    var lookups = 0
    try arenas.withArena { arena throws(WireError) in
      var index = 0
      var cursor = WireCursor(bytes)
      while let payload = next(FieldNumber.trials, &cursor) {
        arena.reset()
        let trial: C.Trial
        do throws(UnpackError) {
          trial = try arena.unpack(payload, as: C.Trial.self).pointee
        } catch {
          throw error.error(inside: "trials[\(index)]")
        }
        lookups += (trial.assignments?.n_assignments ?? 0) * (parameterCount + 1)
        guard lookups <= WireLimits.mostLookups else {
          throw .limit(
            "trials[\(index)]: the trials have too many assignments for \(parameterCount) "
              + "parameters")
        }
        history.add(trial)
        index += 1
      }
    }
  }

  /// The next length-delimited field of that number at or after the cursor. `init` has walked the
  /// same bytes, so they cannot be malformed; if they were, the walk would end.
  private func next(_ wanted: UInt32, _ cursor: inout WireCursor) -> Bytes? {
    while !cursor.isAtEnd {
      guard let (field, type) = try? cursor.tag() else { return nil }
      if field == wanted, type == .lengthDelimited { return try? cursor.payload() }
      guard (try? cursor.skip(field: field, type)) != nil else { return nil }
    }
    return nil
  }

  private func joinedExperiment(_ arena: Arena) throws(WireError) -> Bytes {
    // The pieces are part of the request, so together they are no longer than it.
    let whole = try arena.allocate(bytes.count).bindMemory(to: UInt8.self, capacity: bytes.count)
    var count = 0
    var cursor = WireCursor(bytes)
    while let piece = next(FieldNumber.experiment, &cursor) {
      guard let source = piece.baseAddress else { continue }
      (whole + count).update(from: source, count: piece.count)
      count += piece.count
    }
    return Bytes(start: whole, count: count)
  }
}

extension C.Trial {
  fileprivate var assignments: C.TrialAssignments? {
    spec?.pointee.parameter_assignments?.pointee
  }
}

extension HistoryBuilder {
  /// Adds one trial, straight from C memory.
  fileprivate mutating func add(_ trial: C.Trial) {
    let spec = trial.spec?.pointee
    let status = trial.status?.pointee
    withText(spec?.objective?.pointee.objective_metric_name) { metric in
      beginTrial(
        name: string(trial.name), conditionNumber: status?.condition.number ?? 0,
        metricName: metric,
        startTime: withText(status?.start_time) { Timestamp.seconds($0) },
        completionTime: withText(status?.completion_time) { Timestamp.seconds($0) })
    }
    if let list = trial.assignments {
      for assignment in elements(list.n_assignments, list.assignments) {
        withText(assignment.pointee.name) { name in
          withText(assignment.pointee.value) { value in assign(name, value) }
        }
      }
    }
    if let observation = status?.observation?.pointee {
      for metric in elements(observation.n_metrics, observation.metrics) {
        withText(metric.pointee.name) { name in
          withText(metric.pointee.value) { value in observe(name, value) }
        }
      }
    }
    endTrial()
  }
}
