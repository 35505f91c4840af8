// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct SelectionTests {
  /// The parents that each finished new member's successor can get, drawn many times. Trial i has
  /// the i-th value; names are in the order of the values.
  private func parents(
    _ values: [Double], size: Int, threshold: Double, direction: Objective.Direction = .minimize
  ) throws -> [Set<Int>] {
    let naming = LineageNames(try SuggestionRequest.of([]))
    let trials = values.enumerated().map { i, value in
      TrialFixture(
        naming.name(index: i, origin: .new, generation: 0), .succeeded, [],
        objective: NumberText.text(value), completionTime: Int64(i))
    }
    let request = try SuggestionRequest.of(trials, direction: direction)
    let population = Population(request, names: LineageNames(request), size: size)
    let selection = Selection(population, size: size, threshold: threshold)
    var random = RandomSource(seed: 1, purpose: "selection")
    return values.indices.map { member in
      Set((0..<100).map { _ in selection.parent(forSuccessorOf: member, using: &random) })
    }
  }

  @Test func theWorstOfACompleteGenerationTakeFromTheBest() throws {
    let found = try parents([3, 0, 4, 1, 2], size: 5, threshold: 0.4)
    #expect(found == [[1, 3], [1], [1, 3], [3], [4]])
    // 0.3 of five is rounded up to two.
    #expect(try parents([3, 0, 4, 1, 2], size: 5, threshold: 0.3) == found)
    let up = try parents([-3, 0, -4, -1, -2], size: 5, threshold: 0.4, direction: .maximize)
    #expect(up == found)
  }

  @Test func aThresholdOfZeroReplacesNobodyAndOneAnybody() throws {
    #expect(try parents([3, 0, 4, 1, 2], size: 5, threshold: 0) == [[0], [1], [2], [3], [4]])
    // Everybody may take from anybody better.
    let all = try parents([3, 0, 4, 1, 2], size: 5, threshold: 1)
    #expect(all == [[1, 3, 4], [1], [0, 1, 3, 4], [1], [1, 3]])
  }

  @Test func equalsDoNotReplaceEachOther() throws {
    #expect(try parents([1, 1, 1, 1, 1], size: 5, threshold: 0.4) == [[0], [1], [2], [3], [4]])
    let found = try parents([1, 1, 2, 2, 2], size: 5, threshold: 0.4)
    // Of the equally bad the two that ended last are the worst.
    #expect(found == [[0], [1], [2], [0, 1], [0, 1]])
  }

  /// With fewer results than members the part that gives way is rounded down.
  @Test func fewResultsCondemnNobody() throws {
    #expect(try parents([1, 2], size: 5, threshold: 0.4) == [[0], [1]])
    #expect(try parents([1, 2, 3], size: 5, threshold: 0.4) == [[0], [1], [0, 1]])
    #expect(try parents([5], size: 5, threshold: 1) == [[0]])
  }
}
