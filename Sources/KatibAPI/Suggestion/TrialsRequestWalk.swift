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

  /// The payloads of the experiment field: one, unless somebody repeats it, which proto3 reads as
  /// one message cut into pieces.
  private(set) var experimentPieces: [Bytes] = []
  private(set) var trialCount = 0
  private let bytes: Bytes

  /// Walks the outermost fields and checks their framing, not their content.
  ///
  /// - Parameter other: called for every other field that is a varint or length-delimited.
  init(
    _ bytes: UnsafeRawBufferPointer,
    other: (_ field: UInt32, _ value: OtherValue) throws(WireFault) -> Void
  ) throws(WireError) {
    self.bytes = bytes.bindMemory(to: UInt8.self)
    var cursor = WireCursor(self.bytes)
    do throws(WireFault) {
      while !cursor.isAtEnd {
        let (field, type) = try cursor.tag()
        switch (field, type) {
        case (FieldNumber.experiment, .lengthDelimited):
          experimentPieces.append(try cursor.payload())
        case (FieldNumber.trials, .lengthDelimited):
          _ = try cursor.payload()
          trialCount += 1
        case (_, .varint): try other(field, .number(cursor.varint()))
        case (_, .lengthDelimited): try other(field, .bytes(cursor.payload()))
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

  enum OtherValue {
    case number(UInt64)
    case bytes(Bytes)
  }

  /// Unpacks the experiment and hands it to `read`; nil when the request has none.
  func experiment<Result>(
    using arenas: ArenaPool, _ read: (C.Experiment?) throws(WireError) -> Result
  ) throws(WireError) -> Result {
    guard let first = experimentPieces.first else { return try read(nil) }
    return try arenas.withArena { arena throws(WireError) in
      let whole =
        experimentPieces.count == 1 ? first : try TrialsRequestWalk.join(experimentPieces, arena)
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
      while let payload = nextTrial(&cursor) {
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

  /// The next trial at or after the cursor. `init` has walked the same bytes, so they cannot be
  /// malformed; if they are, the walk ends.
  private func nextTrial(_ cursor: inout WireCursor) -> Bytes? {
    while !cursor.isAtEnd {
      guard let (field, type) = try? cursor.tag() else { return nil }
      if field == FieldNumber.trials, type == .lengthDelimited { return try? cursor.payload() }
      guard (try? cursor.skip(field: field, type)) != nil else { return nil }
    }
    return nil
  }

  private static func join(_ pieces: [Bytes], _ arena: Arena) throws(WireError) -> Bytes {
    let count = pieces.reduce(0) { $0 + $1.count }
    let whole = try arena.allocate(count).bindMemory(to: UInt8.self, capacity: count)
    var position = whole
    for piece in pieces {
      guard let source = piece.baseAddress else { continue }
      position.update(from: source, count: piece.count)
      position += piece.count
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
