// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Numerics
import Testing

@testable import Algorithms

@Suite struct ArchitectureTests {
  static let space = ArchitectureSpace(layers: 3, operations: 12)

  @Test(
    arguments: [
      (1, [0], [], "[[0]]"), (2, [3, 11], [true], "[[3], [11, 1]]"),
      (3, [10, 0, 2], [false, true, false], "[[10], [0, 0], [2, 1, 0]]"),
    ] as [(Int, [Int32], [Bool], String)])
  func spelling(_ layers: Int, _ operations: [Int32], _ skips: [Bool], _ text: String) {
    let architecture = Architecture(operations: operations, skips: skips)
    #expect(architecture.text == text)
    let space = ArchitectureSpace(layers: layers, operations: 12)
    #expect(Architecture(text, in: space) == architecture)
  }

  @Test func everyDrawnArchitectureReadsBack() {
    for layers in [1, 2, 5, 30] {
      let space = ArchitectureSpace(layers: layers, operations: 106)
      var random = RandomSource(seed: 1, purpose: "architectures")
      for _ in 0..<20 {
        let architecture = space.random(skipRate: 0.4, using: &random)
        #expect(architecture.skips.count == layers * (layers - 1) / 2)
        #expect(Architecture(architecture.text, in: space) == architecture)
      }
    }
  }

  /// Others may put blanks elsewhere.
  @Test(arguments: ["[[1],[2,1],[3,0,1]]", " [ [ 1 ] ,\n[2 , 1], [03, 0,1 ] ]\t"])
  func blanksMeanNothing(_ text: String) {
    #expect(
      Architecture(text, in: ArchitectureTests.space)
        == Architecture(operations: [1, 2, 3], skips: [true, false, true]))
  }

  @Test(arguments: [
    "", "[", "[]", "[[1], [2, 1]]", "[[1], [2, 1], [3, 0, 1], [1, 0, 0, 0]]",
    "[[1], [2, 1], [12, 0, 1]]", "[[1], [2, 2], [3, 0, 1]]", "[[1], [2], [3, 0, 1]]",
    "[[1], [2, 1, 0], [3, 0, 1]]", "[[-1], [2, 1], [3, 0, 1]]", "[[1.0], [2, 1], [3, 0, 1]]",
    "[[1], [2, 1], [3, 0, 1]] x", "[[1], [2, 1], [3, 0, 1]", "[1, 2, 1, 3, 0, 1]", "null",
    "[['1'], [2, 1], [3, 0, 1]]", "[[99999999999999999999], [2, 1], [3, 0, 1]]",
    "[[1], [2, 1], [3, 0, 1],]", "{'a': 1}",
  ])
  func whatIsNoArchitectureIsNone(_ text: String) {
    #expect(Architecture(text, in: ArchitectureTests.space) == nil)
  }

  /// Numbers and architectures of a small space are one to one.
  @Test func numbersCountEveryArchitecture() {
    for (layers, operations, size) in [(1, 4, 4), (2, 3, 18), (3, 2, 64), (4, 1, 64)] {
      let space = ArchitectureSpace(layers: layers, operations: operations)
      #expect(space.size == size)
      #expect(Set((0..<size).map(space.architecture)).count == size)
    }
    #expect(ArchitectureSpace(layers: 12, operations: 6).size == nil)
    #expect(ArchitectureSpace(layers: 10, operations: 6).size == nil)
  }

  /// A mutation changes exactly one thing, operations as often as skips.
  @Test func mutationsChangeOneThing() {
    var random = RandomSource(seed: 3, purpose: "mutations")
    for (layers, operations) in [(1, 4), (5, 1), (6, 4), (2, 2)] {
      let space = ArchitectureSpace(layers: layers, operations: operations)
      let parent = space.random(skipRate: 0.5, using: &random)
      var changedOperations = 0
      for _ in 0..<400 {
        var child = parent
        space.mutate(&child, using: &random)
        let operations = zip(child.operations, parent.operations).filter { $0 != $1 }.count
        let skips = zip(child.skips, parent.skips).filter { $0 != $1 }.count
        #expect(operations + skips == 1)
        #expect(child.operations.allSatisfy { $0 >= 0 && Int($0) < space.operations })
        changedOperations += operations
      }
      let expected = operations == 1 ? 0...0 : layers == 1 ? 400...400 : 150...250
      #expect(expected.contains(changedOperations), "\(layers) layers")
    }
    // Where there is nothing to change nothing is changed.
    var only = Architecture(operations: [0], skips: [])
    ArchitectureSpace(layers: 1, operations: 1).mutate(&only, using: &random)
    #expect(only == Architecture(operations: [0], skips: []))
  }
}
