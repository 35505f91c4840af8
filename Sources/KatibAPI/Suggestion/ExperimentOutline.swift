// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// How much there is to an experiment: a look at the framing of its message that unpacks nothing and
/// allocates nothing, to decide where the work should be done.
public struct ExperimentOutline: Sendable, Equatable {
  public private(set) var parameterCount = 0
  /// Whether it is for neural architecture search.
  public private(set) var hasNetwork = false

  private enum FieldNumber {
    static let spec: UInt32 = 2
    static let parameterSpecs: UInt32 = 1
    static let parameters: UInt32 = 1
    static let network: UInt32 = 7
  }

  /// - Parameter experiment: the bytes of the experiment's message.
  /// - Returns: nil when their framing is broken.
  public init?(_ experiment: UnsafeRawBufferPointer) {
    do throws(WireFault) {
      try readExperiment(WireCursor(experiment.bindMemory(to: UInt8.self)))
    } catch {
      return nil
    }
  }

  // What is repeated is joined by proto3, so everything is added up.

  private mutating func readExperiment(_ cursor: consuming WireCursor) throws(WireFault) {
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag()
      guard field == FieldNumber.spec, type == .lengthDelimited else {
        try cursor.skip(field: field, type)
        continue
      }
      try readSpec(WireCursor(try cursor.payload()))
    }
  }

  private mutating func readSpec(_ cursor: consuming WireCursor) throws(WireFault) {
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag()
      guard field == FieldNumber.parameterSpecs, type == .lengthDelimited else {
        if field == FieldNumber.network { hasNetwork = true }
        try cursor.skip(field: field, type)
        continue
      }
      try readParameters(WireCursor(try cursor.payload()))
    }
  }

  private mutating func readParameters(_ cursor: consuming WireCursor) throws(WireFault) {
    while !cursor.isAtEnd {
      let (field, type) = try cursor.tag()
      if field == FieldNumber.parameters { parameterCount += 1 }
      try cursor.skip(field: field, type)
    }
  }
}
