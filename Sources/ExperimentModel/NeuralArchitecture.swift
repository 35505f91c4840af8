// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The search space of a neural architecture search, as the Experiment spells it.
public struct NeuralArchitecture: Sendable, Equatable {
  public var layerCount: Int
  public var inputSizes: [Int]
  public var outputSizes: [Int]
  public var operations: [Operation]

  /// One kind of layer with the parameters it may have.
  public struct Operation: Sendable, Equatable {
    public var type: String
    public var parameters: [ParameterSpec]

    public init(type: String, parameters: [ParameterSpec]) {
      self.type = type
      self.parameters = parameters
    }
  }

  public init(
    layerCount: Int = 0, inputSizes: [Int] = [], outputSizes: [Int] = [],
    operations: [Operation] = []
  ) {
    self.layerCount = layerCount
    self.inputSizes = inputSizes
    self.outputSizes = outputSizes
    self.operations = operations
  }
}
