// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
public import ExperimentModel

/// A trial as it is sent: texts throughout. Clients and tests make these; a server reads trials
/// straight into the columns of a `History` instead.
public struct TrialMessage: Sendable, Equatable {
  public var name: String
  /// nil leaves the objective to the experiment.
  public var objective: Objective?
  public var assignments: [Assignment]
  public var labels: [SettingText]
  /// RFC 3339, or empty while unset.
  public var startTime: String
  public var completionTime: String
  /// The wire's number; `TrialCondition` where it is one.
  public var conditionNumber: Int
  /// Metric names with their observed values.
  public var metrics: [SettingText]

  public init(
    name: String, objective: Objective? = nil, assignments: [Assignment] = [],
    labels: [SettingText] = [], startTime: String = "", completionTime: String = "",
    conditionNumber: Int = 0, metrics: [SettingText] = []
  ) {
    self.name = name
    self.objective = objective
    self.assignments = assignments
    self.labels = labels
    self.startTime = startTime
    self.completionTime = completionTime
    self.conditionNumber = conditionNumber
    self.metrics = metrics
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.Trial> {
    let trial = try arena.make(C.Trial.self)
    trial.pointee.name = try arena.text(name)
    let spec = try arena.make(C.TrialSpec.self)
    spec.pointee.objective = try objective?.message(arena)
    let list = try arena.make(C.TrialAssignments.self)
    (list.pointee.n_assignments, list.pointee.assignments) = try arena.assignments(assignments)
    spec.pointee.parameter_assignments = list
    (spec.pointee.n_labels, spec.pointee.labels) =
      try arena.array(labels) {
        label throws(WireError) -> UnsafeMutablePointer<C.TrialLabel>? in
        let entry = try arena.make(C.TrialLabel.self)
        entry.pointee.key = try arena.text(label.name)
        entry.pointee.value = try arena.text(label.value)
        return entry
      }
    trial.pointee.spec = spec
    trial.pointee.status = try status(arena)
    return trial
  }

  private func status(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.TrialStatus> {
    let status = try arena.make(C.TrialStatus.self)
    status.pointee.start_time = try arena.text(startTime)
    status.pointee.completion_time = try arena.text(completionTime)
    status.pointee.condition.number = conditionNumber
    let observation = try arena.make(C.Observation.self)
    (observation.pointee.n_metrics, observation.pointee.metrics) =
      try arena.array(metrics) {
        metric throws(WireError) -> UnsafeMutablePointer<C.Metric>? in
        try arena.metric(metric)
      }
    status.pointee.observation = observation
    return status
  }
}

extension Arena {
  func assignments(
    _ assignments: [Assignment]
  ) throws(WireError) -> (
    Int, UnsafeMutablePointer<UnsafeMutablePointer<C.ParameterAssignment>?>?
  ) {
    let count = assignments.count
    guard count > 0 else { return (0, nil) }
    // All entries in one piece of memory, and no copies of the strings' references.
    let entries = try allocate(count * MemoryLayout<C.ParameterAssignment>.stride)
      .bindMemory(to: C.ParameterAssignment.self, capacity: count)
    let pointers = try allocate(count * MemoryLayout<UnsafeMutableRawPointer>.stride)
      .bindMemory(to: UnsafeMutablePointer<C.ParameterAssignment>?.self, capacity: count)
    for i in 0..<count {
      C.ParameterAssignment.initialise(entries + i)
      entries[i].name = try text(assignments[i].name)
      entries[i].value = try text(assignments[i].value)
      (pointers + i).initialize(to: entries + i)
    }
    return (count, pointers)
  }

  func metric(_ metric: SettingText) throws(WireError) -> UnsafeMutablePointer<C.Metric> {
    let entry = try make(C.Metric.self)
    entry.pointee.name = try text(metric.name)
    entry.pointee.value = try text(metric.value)
    return entry
  }
}
