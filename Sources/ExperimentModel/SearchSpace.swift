// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// All parameters of an Experiment, in the order of its spec.
public struct SearchSpace: Sendable {
  public let parameters: [Parameter]

  /// - Throws: `InvalidExperiment` for an empty or repeated name and for every parameter that
  ///   makes no sense.
  public init(_ specs: [ParameterSpec]) throws(InvalidExperiment) {
    // Strings are equal when Unicode takes them for the same text, whatever their bytes: to a person,
    // and to whatever normalises them on the way, "é" in one piece and in two is one name.
    var names: Set<String> = []
    names.reserveCapacity(specs.count)
    var parameters: [Parameter] = []
    parameters.reserveCapacity(specs.count)
    for (i, spec) in specs.enumerated() {
      guard !spec.name.isEmpty else {
        throw InvalidExperiment(
          "parameter number \(i + 1) has an empty name, every parameter needs a name of its own")
      }
      let (isNew, known) = names.insert(spec.name)
      guard isNew else {
        throw .parameter(
          spec.name,
          known.utf8.elementsEqual(spec.name.utf8)
            ? "the name is used twice, every parameter needs its own"
            : "the name is used twice, in two Unicode spellings of the same characters; every "
              + "parameter needs its own")
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

/// What duplicates are recognised by: a hash of the readings of all parameters, 128 bits wide.
///
/// Continuous values go out as the shortest text that reads back, so a point that comes back from
/// Katib has the very bits that were suggested. A hash instead of the bits themselves, because a
/// request may show 10,000 trials of 20 parameters: of so many points two different ones have
/// equal keys once in 10^30 requests.
public struct PointKey: Hashable, Sendable {
  private var words: (UInt64, UInt64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344)

  init() {}

  /// Takes in the next parameter's reading.
  mutating func append(_ reading: Double) {
    // 0.0 and -0.0 are one value.
    let bits = (reading == 0 ? 0 : reading).bitPattern
    words.0 = PointKey.mix(words.0 ^ bits)
    words.1 = PointKey.mix(words.1 &+ bits &* 0x9e37_79b9_7f4a_7c15)
  }

  /// The 64-bit finaliser of MurmurHash3 (Appleby): a bijection.
  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 33)) &* 0xff51_afd7_ed55_8ccd
    z = (z ^ (z >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return z ^ (z >> 33)
  }

  public static func == (a: PointKey, b: PointKey) -> Bool { a.words == b.words }

  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

extension SearchSpace {
  /// The key of a point given by coordinates.
  public func key(coordinates: [Double]) -> PointKey {
    var key = PointKey()
    for (i, parameter) in parameters.enumerated() {
      key.append(parameter.reading(ofCoordinate: coordinates[i]))
    }
    return key
  }

  /// The key of a point given by readings, which may come from elsewhere.
  public func key(readings: [Double]) -> PointKey {
    var key = PointKey()
    for (i, parameter) in parameters.enumerated() {
      key.append(parameter.canonical(reading: readings[i]))
    }
    return key
  }

  /// The keys of all trials of a history of this space.
  public func keys(_ history: History) -> [PointKey] {
    var keys = [PointKey](repeating: PointKey(), count: history.count)
    for (parameter, column) in zip(parameters, history.readings) {
      for trial in keys.indices {
        keys[trial].append(parameter.canonical(reading: column[trial]))
      }
    }
    return keys
  }

  /// What Katib is told: every parameter once, in the order of the spec.
  public func assignments(coordinates: [Double]) -> [Assignment] {
    zip(parameters, coordinates).map { Assignment(name: $0.name, value: $0.text($1)) }
  }
}
