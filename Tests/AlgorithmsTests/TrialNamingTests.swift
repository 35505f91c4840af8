// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Numerics
import Testing

@testable import Algorithms

@Suite struct TrialNamingTests {
  let naming = TrialNaming(experiment: "mnist", namespace: "team-a", seed: 7)

  @Test func namesCarryIndexAndDetail() {
    var random = RandomSource(seed: 1, purpose: "names")
    var tags = [TrialNaming.Tag(index: 0, detail: 0)]
    tags.append(.init(index: TrialNaming.largestIndex, detail: 0xfffff))
    for _ in 0..<2_000 {
      tags.append(
        .init(index: random.uniform(below: 1 << 15), detail: UInt32(random.uniform(below: 1 << 20)))
      )
    }
    for tag in tags {
      let name = naming.name(index: tag.index, detail: tag.detail)
      #expect(naming.decode(name) == tag)
    }
  }

  /// The contract leaves eleven characters after a name of 40 and the hyphen, and the name also
  /// becomes that of a job and its pods.
  @Test(arguments: [
    ("mnist", "mnist-"),
    ("a23456789b123456789c123456789d123456789e", "a23456789b123456789c123456789d123456789e-"),
    ("a23456789b123456789c123456789d123456789ef", "a23456789b123456789c123456789d123456789e-"),
    ("Upper_Case.and dots", "upper-case-and-dots-"), ("--", "trial-"), ("", "trial-"),
    ("über", "ber-"),
  ])
  func everyExperimentGetsDNSLabels(experiment: String, prefix: String) {
    let naming = TrialNaming(experiment: experiment, namespace: "", seed: 0)
    for index in [0, 1, 4_711, 32_767, 32_768, 1 << 40] {
      let name = naming.name(index: index, detail: 99)
      #expect(name.hasPrefix(prefix))
      #expect(name.utf8.count == prefix.utf8.count + 11)
      #expect(name.utf8.count <= 52)
      #expect(
        name.utf8.allSatisfy {
          (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
      )
      #expect((naming.decode(name) != nil) == (index <= TrialNaming.largestIndex))
    }
  }

  @Test func namesSortInTheOrderOfIssue() {
    let names = (0..<3_000).map { naming.name(index: $0 * 10, detail: UInt32($0 * 7919 & 0xfffff)) }
    #expect(names == names.sorted())
  }

  /// The controller selects trials by label without the namespace, so a same-named Experiment
  /// elsewhere shows up in our history: its trials must not pass for ours.
  @Test func namesOfOthersDecodeToNothing() {
    let others = [
      TrialNaming(experiment: "mnist", namespace: "team-b", seed: 7),
      TrialNaming(experiment: "mnist", namespace: "team-a", seed: 8),
      TrialNaming(experiment: "mnis", namespace: "tteam-a", seed: 7),
    ]
    for other in others {
      for index in 0..<10_000 {
        #expect(naming.decode(other.name(index: index, detail: 3)) == nil)
      }
    }
    for name in [
      "", "mnist", "mnist-", "mnist-abcdefgh", "mnist-abcdefghijk", "mnist-ABCDEFGHIJK",
      "mnist-00000000000", "mnist-zzzzzzzzzzz", "cifar-abcdefghijk", "mnist-0123456789-",
      "mnist-6d0f3f86-5a4f-4d3e-9f39-111111111111",
    ] {
      #expect(naming.decode(name) == nil, "\(name)")
    }
  }

  /// 21.9 check bits: one of 3.8 million random suffixes passes, so 0.05 of these are expected to.
  @Test func aRandomSuffixRarelyDecodes() {
    var random = RandomSource(seed: 2, purpose: "suffixes")
    let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
    var passed = 0
    for _ in 0..<200_000 {
      let suffix = (0..<11).map { _ in digits[random.uniform(below: 36)] }
      if naming.decode("mnist-" + String(decoding: suffix, as: UTF8.self)) != nil { passed += 1 }
    }
    #expect(passed < 3)
  }

  @Test func indicesPassOverWhatIsTaken() {
    var indices = IssueIndices(position: 3, taken: [0, 1, 2, 4, 5, 9])
    #expect((0..<5).map { _ in indices.next() } == [3, 6, 7, 8, 10])
  }
}
