// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Numerics
import TestSupport
import Testing

@testable import Algorithms

@Suite struct ExplorationTests {
  /// The texts of all children that 200 perturbations of one value give, in order.
  private func children(of text: String, _ spec: ParameterSpec) throws -> [String] {
    let space = try SearchSpace([spec])
    let parameter = space.parameters[0]
    let exploration = Exploration(space: space, resampleProbability: nil)
    var random = RandomSource(seed: 4, purpose: "exploration")
    var seen: Set<String> = []
    for _ in 0..<200 {
      let child = exploration.child(of: [parameter.reading(text)], using: &random)
      #expect(parameter.contains(reading: child[0]), "\(spec.name): \(child)")
      seen.insert(parameter.text(ofReading: child[0]))
    }
    return seen.sorted { (parameter.reading($0), $0) < (parameter.reading($1), $1) }
  }

  @Test(
    "Every value goes down or up by the rule",
    arguments: [
      // A factor of 0.8 or 1.2, without binary noise.
      (ParameterSpec.double("plain", "0", "10"), "1.0", ["0.8", "1.2"]),
      (.double("noise", "0.001", "1", .logUniform), "0.1", ["0.08", "0.12"]),
      (.double("tiny", "1e-12", "1", .logUniform), "3e-10", ["2.4e-10", "3.6e-10"]),
      (.double("negative", "-10", "10"), "-5.0", ["-6.0", "-4.0"]),
      // Moved into the range.
      (.double("high", "0", "1"), "0.9", ["0.72", "1.0"]),
      (.double("low", "0.5", "1"), "0.5", ["0.5", "0.6"]),
      // Zero has no factor.
      (.double("zero", "-1", "1"), "0.0", ["-0.1", "0.1"]),
      (.double("end", "0", "1"), "0.0", ["0.0", "0.05"]),
      // Onto the grid, and by one value where the factor is too small.
      (.double("grid", "0.1", "1", step: "0.1"), "0.5", ["0.4", "0.6"]),
      (.double("coarse", "0", "1", step: "0.5"), "0.5", ["0.0", "1.0"]),
      (.int("int", "1", "100"), "50", ["40", "60"]),
      (.int("small", "1", "100"), "1", ["1", "2"]),
      (.int("two", "1", "100"), "2", ["1", "3"]),
      (.int("top", "1", "10"), "10", ["8", "10"]),
      (.int("null", "-3", "3"), "0", ["-1", "1"]),
      (.int("minus", "-9", "9"), "-2", ["-3", "-1"]),
      (.int("fraction", "0", "4", step: "0.8"), "2", ["1", "3"]),
      // Lists: one entry, and no way round their ends.
      (.discrete("first", ["64", "8", "16"]), "8", ["8", "16"]),
      (.discrete("middle", ["64", "8", "16.0"]), "16.0", ["8", "64"]),
      (.discrete("last", ["64", "8", "16"]), "64", ["16", "64"]),
      (.categorical("first", ["a", "b", "c"]), "a", ["a", "b"]),
      (.categorical("middle", ["a", "b", "c"]), "b", ["a", "c"]),
      (.categorical("last", ["a", "b", "c"]), "c", ["b", "c"]),
      (.categorical("only", ["a"]), "a", ["a"]),
      (.int("one", "7", "7"), "7", ["7"]),
      (.double("fixed", "2", "2"), "2", ["2.0"]),
      // From elsewhere: off the grid, out of range.
      (.int("off", "1", "100"), "49.7", ["40", "60"]),
      (.double("out", "0", "1"), "7", ["0.8", "1.0"]),
    ])
  func perturbation(spec: ParameterSpec, value: String, expected: [String]) throws {
    #expect(try children(of: value, spec) == expected, "\(spec.name)")
  }

  @Test func bothWaysAreAsLikely() throws {
    let space = try SearchSpace([.double("x", "0", "10"), .int("i", "0", "1000")])
    let exploration = Exploration(space: space, resampleProbability: nil)
    var random = RandomSource(seed: 5, purpose: "exploration")
    var ups = [0, 0]
    for _ in 0..<2_000 {
      let child = exploration.child(of: [1, 100], using: &random)
      for (i, parent) in [1.0, 100.0].enumerated() where child[i] > parent { ups[i] += 1 }
    }
    // Five deviations of a fair coin.
    for up in ups { #expect(abs(up - 1_000) < 112) }
  }

  @Test(arguments: [0, 0.25, 1.0])
  func resamplingKeepsOrDraws(probability: Double) throws {
    let space = try SearchSpace([.double("x", "0", "1"), .double("y", "0", "1")])
    let exploration = Exploration(space: space, resampleProbability: probability)
    var random = RandomSource(seed: 6, purpose: "exploration")
    var drawn = 0
    var sum = 0.0
    for _ in 0..<2_000 {
      let child = exploration.child(of: [0.5, 0.25], using: &random)
      if child[0] != 0.5 {
        drawn += 1
        sum += child[0]
      }
    }
    #expect(abs(Double(drawn) - 2_000 * probability) < 5 * 20)
    if drawn > 0 { #expect(abs(sum / Double(drawn) - 0.5) < 0.07) }
  }

  /// Another image may have left an assignment out: it is drawn.
  @Test func missingValuesAreDrawn() throws {
    let space = try SearchSpace([.int("i", "3", "9"), .categorical("c", ["a", "b"])])
    for probability in [nil, 0.0] {
      let exploration = Exploration(space: space, resampleProbability: probability)
      var random = RandomSource(seed: 7, purpose: "exploration")
      for _ in 0..<50 {
        for child in [
          exploration.child(of: [.nan, .nan], using: &random),
          exploration.copy(of: [.nan, .nan], using: &random),
        ] {
          #expect(zip(space.parameters, child).allSatisfy { $0.contains(reading: $1) })
        }
      }
    }
  }

  @Test func copiesKeepEveryValue() throws {
    let space = try SearchSpace(ExampleSpaces.mixed(finite: false))
    let exploration = Exploration(space: space, resampleProbability: nil)
    var random = RandomSource(seed: 8, purpose: "exploration")
    for _ in 0..<50 {
      let readings = space.parameters.map {
        $0.reading(ofCoordinate: $0.coordinate(unit: random.uniform()))
      }
      #expect(exploration.copy(of: readings, using: &random) == readings)
    }
  }
}
