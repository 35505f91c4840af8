// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// One entry of `nas_config.operations`, checked: a type of layer with the parameters it may have.
///
/// Its values are reached by index and never listed: a range of whole numbers may be as long as it
/// likes until somebody has to enumerate it.
struct OperationKind: Sendable {
  let type: String
  let parameters: [OperationParameter]

  /// The number of combinations of the parameters' values; nil beyond Int.
  var combinations: Int? {
    var product = 1
    for parameter in parameters {
      let (next, overflow) = product.multipliedReportingOverflow(by: parameter.count)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }

  /// The index of each parameter's value in combination `number`, the first parameter slowest.
  func valueIndices(combination number: Int) -> [Int] {
    var rest = number
    var indices = [Int](repeating: 0, count: parameters.count)
    for i in parameters.indices.reversed() {
      indices[i] = rest % parameters[i].count
      rest /= parameters[i].count
    }
    return indices
  }
}

/// A parameter of an operation with its values in order.
struct OperationParameter: Sendable {
  let name: String
  let count: Int
  private let values: Values

  private enum Values: Sendable {
    /// The entries of a list in the order given, each once.
    case texts([String])
    /// Numbers from min to max by step.
    case numbers(Parameter)
  }

  /// The text of value `i`, 0 ..< count.
  func text(_ i: Int) -> String {
    switch values {
    case .texts(let texts): texts[i]
    case .numbers(let parameter): parameter.text(Double(i))
    }
  }

  /// Value `i` as JSON: list entries are strings, also those of a DISCRETE list; INT and DOUBLE
  /// values are numbers.
  func json(_ i: Int) -> String {
    switch values {
    case .texts(let texts): PythonJSON.string(texts[i])
    case .numbers(let parameter): parameter.text(Double(i))
    }
  }

  /// The bytes of the longest value, as JSON. Looks at every value.
  var longestJSON: Int { (0..<count).reduce(0) { max($0, json($1).utf8.count) } }

  /// - Throws: `InvalidExperiment` naming the parameter, the field, the value and what is right.
  init(_ spec: ParameterSpec) throws(InvalidExperiment) {
    name = spec.name
    // Operations are enumerated, so how a parameter would be drawn means nothing here.
    var plain = spec
    plain.feasibleSpace?.distributionNumber = Distribution.unspecified.rawValue
    let parameter = try Parameter(plain)
    guard parameter.kind == .discrete || parameter.kind == .categorical else {
      guard let count = parameter.cardinality,
        !(spec.feasibleSpace?.step ?? "").isEmpty
          || parameter.kind == .int
      else {
        throw InvalidExperiment(
          "parameter \(Quoted.text(spec.name)): step is missing, a DOUBLE of an operation needs a "
            + "number greater than 0: its values are enumerated")
      }
      values = .numbers(parameter)
      self.count = count
      return
    }
    // By their bytes, as everywhere: two that Unicode calls equivalent are two values.
    var seen: Set<[UInt8]> = []
    let texts = (spec.feasibleSpace?.list ?? []).filter { seen.insert(Array($0.utf8)).inserted }
    values = .texts(texts)
    count = texts.count
  }
}

extension NeuralArchitecture {
  /// The operations, checked.
  /// - Parameter parameterless: types of operation that may come without parameters.
  /// - Throws: `InvalidExperiment` naming the operation and what is wrong with it.
  func operationKinds(
    parameterless: Set<String> = []
  ) throws(InvalidExperiment) -> [OperationKind] {
    guard !operations.isEmpty else {
      throw InvalidExperiment(
        "nas_config.operations is empty, it must hold at least one operation")
    }
    var kinds: [OperationKind] = []
    kinds.reserveCapacity(operations.count)
    for (i, operation) in operations.enumerated() {
      var place: String {
        "operation number \(i + 1)"
          + (operation.type.isEmpty ? "" : " (\(Quoted.text(operation.type)))")
      }
      guard !operation.type.isEmpty else {
        throw InvalidExperiment(
          "\(place): operation_type is empty, it must name a kind of layer, for example "
            + "\"convolution\"")
      }
      guard !operation.parameters.isEmpty || parameterless.contains(operation.type) else {
        throw InvalidExperiment(
          "\(place): it has no parameters, it must have at least one, for example \"filter_size\"")
      }
      do throws(InvalidExperiment) {
        kinds.append(try OperationKind(operation))
      } catch {
        throw InvalidExperiment("\(place): \(error.message)")
      }
    }
    return kinds
  }
}

extension OperationKind {
  fileprivate init(_ operation: NeuralArchitecture.Operation) throws(InvalidExperiment) {
    var names: Set<String> = []
    var parameters: [OperationParameter] = []
    parameters.reserveCapacity(operation.parameters.count)
    for (i, spec) in operation.parameters.enumerated() {
      guard !spec.name.isEmpty else {
        throw InvalidExperiment(
          "parameter number \(i + 1) has an empty name, every parameter needs a name of its own")
      }
      guard names.insert(spec.name).inserted else {
        throw InvalidExperiment(
          "parameter \(Quoted.text(spec.name)): the name is used twice, every parameter needs its "
            + "own")
      }
      parameters.append(try OperationParameter(spec))
    }
    type = operation.type
    self.parameters = parameters
  }
}
