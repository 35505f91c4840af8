// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

@testable import Algorithms

// Most tests ask for suggestions in a row.

extension TPEEngine {
  func suggest(
    count: Int, position: Int, history: EngineHistory, checkCancellation: () throws -> Void = {}
  ) throws -> PointList {
    try suggest(
      indices: Array(position..<position + count), history: history,
      checkCancellation: checkCancellation)
  }
}

extension CMAESEngine {
  func suggest(
    count: Int, position: Int, history: EngineHistory, checkCancellation: () throws -> Void = {}
  ) throws -> PointList {
    try suggest(
      indices: Array(position..<position + count), history: history,
      checkCancellation: checkCancellation)
  }
}

extension BayesianOptimizer {
  func suggest(
    _ count: Int, position: Int, observations: Observations, work: Work
  ) throws -> [[Double]] {
    try suggest(Array(position..<position + count), observations: observations, work: work)
  }
}
