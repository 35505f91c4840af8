// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// All parameters of an Experiment, in the order of its spec.
public struct SearchSpace: Sendable {
  public let parameters: [Parameter]

  /// - Throws: `InvalidExperiment` for an empty or repeated name and for every parameter that
  ///   makes no sense.
  public init(_ specs: [ParameterSpec]) throws(InvalidExperiment) {
    var names: Set<String> = []
    var parameters: [Parameter] = []
    parameters.reserveCapacity(specs.count)
    for (i, spec) in specs.enumerated() {
      guard !spec.name.isEmpty else {
        throw InvalidExperiment(
          "parameter number \(i + 1) has an empty name, every parameter needs a name of its own")
      }
      guard names.insert(spec.name).inserted else {
        throw .parameter(spec.name, "the name is used twice, every parameter needs its own")
      }
      parameters.append(try Parameter(spec))
    }
    self.parameters = parameters
  }

  public var dimension: Int { parameters.count }

  /// The number of different points; nil when a parameter is continuous or the product exceeds
  /// Int.
  public var cardinality: Int? {
    var product = 1
    for parameter in parameters {
      guard let count = parameter.cardinality else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: count)
      guard !overflow else { return nil }
      product = next
    }
    return product
  }

  /// The position of the parameter called `name`.
  public func index(of name: String) -> Int? {
    parameters.firstIndex { $0.name == name }
  }
}

/// A point by which duplicates are recognised: the readings of all parameters, bit by bit.
///
/// Continuous values go out as the shortest text that reads back, so a point that comes back from
/// Katib has the very bits that were suggested.
public struct PointKey: Hashable, Sendable {
  private let bits: [UInt64]

  init(_ readings: some Sequence<Double>) {
    // 0.0 and -0.0 are one value.
    bits = readings.map { ($0 == 0 ? 0 : $0).bitPattern }
  }
}

extension SearchSpace {
  /// The key of a point given by coordinates.
  public func key(coordinates: [Double]) -> PointKey {
    PointKey(zip(parameters, coordinates).lazy.map { $0.reading(ofCoordinate: $1) })
  }

  /// The key of a point given by readings.
  public func key(readings: some Sequence<Double>) -> PointKey { PointKey(readings) }

  /// What Katib is told: every parameter once, in the order of the spec.
  public func assignments(coordinates: [Double]) -> [Assignment] {
    zip(parameters, coordinates).map { Assignment(name: $0.name, value: $0.text($1)) }
  }
}
