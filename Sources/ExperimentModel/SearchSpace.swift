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

/// A point by which duplicates are recognised: a 128-bit digest of the readings of all parameters.
///
/// Continuous values go out as the shortest text that reads back, so a point that comes back from
/// Katib has the very bits that were suggested. Two different points of 10,000 share a digest once
/// in 10^30 histories, and would then only count as tried.
public struct PointKey: Hashable, Sendable {
  private var first: UInt64 = 0x243f_6a88_85a3_08d3
  private var second: UInt64 = 0x1319_8a2e_0370_7344

  fileprivate init() {}

  fileprivate mutating func combine(_ reading: Double) {
    // 0.0 and -0.0 are one value.
    let bits = (reading == 0 ? 0 : reading).bitPattern
    first = PointKey.mix(first ^ bits)
    second = PointKey.mix(second &+ bits &* 0x9e37_79b9_7f4a_7c15)
  }

  /// A bijection that spreads every bit (the finaliser of MurmurHash3).
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value ^ (value >> 33)
    z = z &* 0xff51_afd7_ed55_8ccd
    z = (z ^ (z >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return z ^ (z >> 33)
  }
}

extension SearchSpace {
  /// The key of a point given by coordinates.
  public func key(coordinates: [Double]) -> PointKey {
    var key = PointKey()
    for (i, parameter) in parameters.enumerated() {
      key.combine(parameter.reading(ofCoordinate: coordinates[i]))
    }
    return key
  }

  /// The key of a point given by readings, which may come from elsewhere.
  public func key(readings: [Double]) -> PointKey {
    var key = PointKey()
    for (i, parameter) in parameters.enumerated() {
      key.combine(parameter.canonical(reading: readings[i]))
    }
    return key
  }

  /// The keys of all trials of a history, in its order.
  public func keys(_ history: History) -> [PointKey] {
    var keys = Array(repeating: PointKey(), count: history.count)
    for (i, parameter) in parameters.enumerated() {
      let column = history.readings[i]
      for trial in keys.indices { keys[trial].combine(parameter.canonical(reading: column[trial])) }
    }
    return keys
  }

  /// What Katib is told: every parameter once, in the order of the spec.
  public func assignments(coordinates: [Double]) -> [Assignment] {
    zip(parameters, coordinates).map { Assignment(name: $0.name, value: $0.text($1)) }
  }
}
