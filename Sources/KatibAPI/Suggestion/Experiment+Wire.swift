// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto
internal import ExperimentModel

// How an Experiment leaves C memory, and how it gets there. Missing messages read as empty ones,
// as in every implementation of proto3, with one exception: a parameter without a feasible space
// is told apart, because the user should hear about it.

extension Experiment {
  /// - Throws: ``WireError/limit(_:)``
  init(_ message: C.Experiment?) throws(WireError) {
    try message?.checkSize()
    let spec = message?.spec?.pointee
    let algorithm = spec?.algorithm?.pointee
    let parameters = spec?.parameter_specs?.pointee
    self.init(
      name: string(message?.name),
      objective: Objective(spec?.objective?.pointee),
      algorithmName: string(algorithm?.algorithm_name),
      algorithmSettings: algorithm?.settings ?? [],
      parameterSpecs: parameters.map { specs($0.n_parameters, $0.parameters) } ?? [],
      parallelTrialCount: Int(spec?.parallel_trial_count ?? 0),
      maxTrialCount: Int(spec?.max_trial_count ?? 0),
      neuralArchitecture: spec?.nas_config.map { NeuralArchitecture($0.pointee) })
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.Experiment> {
    let experiment = try arena.make(C.Experiment.self)
    experiment.pointee.name = try arena.text(name)
    let spec = try arena.make(C.ExperimentSpec.self)
    experiment.pointee.spec = spec
    if !parameterSpecs.isEmpty {
      let parameters = try arena.make(C.ParameterSpecs.self)
      (parameters.pointee.n_parameters, parameters.pointee.parameters) =
        try arena.array(parameterSpecs) { spec throws(WireError) in try spec.message(arena) }
      spec.pointee.parameter_specs = parameters
    }
    spec.pointee.objective = try objective.message(arena)
    spec.pointee.algorithm = try algorithmSpec(algorithmName, algorithmSettings, arena)
    spec.pointee.parallel_trial_count = Int32(clamping: parallelTrialCount)
    spec.pointee.max_trial_count = Int32(clamping: maxTrialCount)
    spec.pointee.nas_config = try neuralArchitecture?.message(arena)
    return experiment
  }
}

extension Objective {
  init(_ message: C.ObjectiveSpec?) {
    guard let message else {
      self.init()
      return
    }
    self.init(
      direction: Direction(rawValue: message.type.number) ?? .minimize,
      goal: message.goal,
      metricName: string(message.objective_metric_name),
      additionalMetricNames: texts(
        message.n_additional_metric_names, message.additional_metric_names))
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.ObjectiveSpec> {
    let message = try arena.make(C.ObjectiveSpec.self)
    message.pointee.type.number = direction.rawValue
    message.pointee.goal = goal
    message.pointee.objective_metric_name = try arena.text(metricName)
    (message.pointee.n_additional_metric_names, message.pointee.additional_metric_names) =
      try arena.texts(additionalMetricNames)
    return message
  }
}

extension ParameterSpec {
  init(_ message: C.ParameterSpec) {
    self.init(
      name: string(message.name), kindNumber: message.parameter_type.number,
      feasibleSpace: message.feasible_space.map { FeasibleSpace($0.pointee) })
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.ParameterSpec> {
    let message = try arena.make(C.ParameterSpec.self)
    message.pointee.name = try arena.text(name)
    message.pointee.parameter_type.number = kindNumber
    message.pointee.feasible_space = try feasibleSpace?.message(arena)
    return message
  }
}

extension FeasibleSpace {
  init(_ message: C.FeasibleSpace) {
    self.init(
      minimum: string(message.min), maximum: string(message.max), step: string(message.step),
      list: texts(message.n_list, message.list),
      distributionNumber: message.distribution.number)
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.FeasibleSpace> {
    let message = try arena.make(C.FeasibleSpace.self)
    message.pointee.min = try arena.text(minimum)
    message.pointee.max = try arena.text(maximum)
    message.pointee.step = try arena.text(step)
    message.pointee.distribution.number = distributionNumber
    (message.pointee.n_list, message.pointee.list) = try arena.texts(list)
    return message
  }
}

extension NeuralArchitecture {
  init(_ message: C.NasConfig) {
    let graph = message.graph_config?.pointee
    let operations = message.operations?.pointee
    self.init(
      layerCount: Int(graph?.num_layers ?? 0),
      inputSizes: graph.map { numbers($0.n_input_sizes, $0.input_sizes) } ?? [],
      outputSizes: graph.map { numbers($0.n_output_sizes, $0.output_sizes) } ?? [],
      operations: operations.map {
        elements($0.n_operation, $0.operation).map { Operation($0.pointee) }
      } ?? [])
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.NasConfig> {
    let message = try arena.make(C.NasConfig.self)
    let graph = try arena.make(C.GraphConfig.self)
    graph.pointee.num_layers = Int32(clamping: layerCount)
    (graph.pointee.n_input_sizes, graph.pointee.input_sizes) =
      try arena.array(inputSizes) { Int32(clamping: $0) }
    (graph.pointee.n_output_sizes, graph.pointee.output_sizes) =
      try arena.array(outputSizes) { Int32(clamping: $0) }
    message.pointee.graph_config = graph
    let list = try arena.make(C.NasOperations.self)
    (list.pointee.n_operation, list.pointee.operation) =
      try arena.array(operations) { operation throws(WireError) in
        try operation.message(arena)
      }
    message.pointee.operations = list
    return message
  }
}

extension NeuralArchitecture.Operation {
  init(_ message: C.Operation) {
    let parameters = message.parameter_specs?.pointee
    self.init(
      type: string(message.operation_type),
      parameters: parameters.map { specs($0.n_parameters, $0.parameters) } ?? [])
  }

  func message(_ arena: Arena) throws(WireError) -> UnsafeMutablePointer<C.Operation>? {
    let message = try arena.make(C.Operation.self)
    message.pointee.operation_type = try arena.text(type)
    let specs = try arena.make(C.OperationParameters.self)
    (specs.pointee.n_parameters, specs.pointee.parameters) =
      try arena.array(parameters) { spec throws(WireError) in try spec.message(arena) }
    message.pointee.parameter_specs = specs
    return message
  }
}

extension C.AlgorithmSpec {
  var settings: [SettingText] {
    elements(n_algorithm_settings, algorithm_settings).map {
      SettingText(name: string($0.pointee.name), value: string($0.pointee.value))
    }
  }
}

func algorithmSpec(
  _ name: String, _ settings: [SettingText], _ arena: Arena
) throws(WireError) -> UnsafeMutablePointer<C.AlgorithmSpec> {
  let message = try arena.make(C.AlgorithmSpec.self)
  message.pointee.algorithm_name = try arena.text(name)
  (message.pointee.n_algorithm_settings, message.pointee.algorithm_settings) =
    try arena.array(settings) {
      setting throws(WireError) -> UnsafeMutablePointer<C.AlgorithmSetting>? in
      let entry = try arena.make(C.AlgorithmSetting.self)
      entry.pointee.name = try arena.text(setting.name)
      entry.pointee.value = try arena.text(setting.value)
      return entry
    }
  return message
}

private func specs(
  _ count: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<C.ParameterSpec>?>?
) -> [ParameterSpec] {
  elements(count, first).map { ParameterSpec($0.pointee) }
}

/// The entries of a repeated string field.
func texts(
  _ count: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> [String] {
  elements(count, first).map { string($0) }
}

private func numbers(_ count: Int, _ first: UnsafeMutablePointer<Int32>?) -> [Int] {
  UnsafeBufferPointer(start: first, count: first == nil ? 0 : count).map(Int.init)
}

extension Arena {
  /// A repeated string field. Entries may be empty here, and are then written.
  func texts(
    _ texts: [String]
  ) throws(WireError) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    try array(texts) { entry throws(WireError) in try text(entry, evenIfEmpty: true) }
  }
}

extension C.Experiment {
  /// Refuses a search space that would be too large, before Swift values are made of it.
  fileprivate func checkSize() throws(WireError) {
    var parameters = 0
    var entries = 0
    func count(_ n: Int, _ first: UnsafeMutablePointer<UnsafeMutablePointer<C.ParameterSpec>?>?) {
      parameters += n
      for parameter in elements(n, first) {
        entries += parameter.pointee.feasible_space?.pointee.n_list ?? 0
      }
    }
    if let own = spec?.pointee.parameter_specs?.pointee { count(own.n_parameters, own.parameters) }
    if let list = spec?.pointee.nas_config?.pointee.operations?.pointee {
      for operation in elements(list.n_operation, list.operation) {
        // An operation without parameters counts as one: it takes memory just the same.
        parameters += 1
        guard let own = operation.pointee.parameter_specs?.pointee else { continue }
        count(own.n_parameters, own.parameters)
      }
    }
    guard parameters <= WireLimits.mostParameters else {
      throw .limit(
        "the experiment has \(parameters) parameters, the limit is \(WireLimits.mostParameters)")
    }
    guard entries <= WireLimits.mostListEntries else {
      throw .limit(
        "the experiment's parameters list \(entries) values, the limit is "
          + "\(WireLimits.mostListEntries)")
    }
  }
}
