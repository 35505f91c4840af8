// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import EarlyStoppingServices

@Suite struct AverageCacheTests {
  private let scope = AverageScope(address: "db:6789", metricName: "loss", startStep: 4)

  private func keys(_ range: Range<Int>) -> [AverageKey] {
    range.map {
      AverageKey(scope: scope, trialName: "t-\($0)", startTime: 1, completionTime: 2)
    }
  }

  @Test func everyLogIsClaimedOnce() {
    let cache = AverageCache(capacity: 100)
    let first = cache.claim(keys(0..<3))
    #expect(first.mine == keys(0..<3))
    let second = cache.claim(keys(1..<4))
    #expect(second.others == keys(1..<3))
    #expect(second.mine == keys(3..<4))
    cache.keep(1.5, for: keys(0..<1)[0])
    cache.keep(nil, for: keys(1..<2)[0])
    cache.release(first.mine)
    let third = cache.claim(keys(0..<3))
    let expected: [AverageKey: Double?] = [keys(0..<1)[0]: 1.5, keys(1..<2)[0]: Double?.none]
    #expect(third.known == expected)
    #expect(third.mine == keys(2..<3), "what was not learned is fetched again")
  }

  @Test func whatMakesTheAnswerIsInTheKey() {
    let cache = AverageCache(capacity: 100)
    let key = keys(0..<1)[0]
    cache.keep(1, for: key)
    let scopes = [
      AverageScope(address: "other:6789", metricName: "loss", startStep: 4),
      AverageScope(address: "db:6789", metricName: "accuracy", startStep: 4),
      AverageScope(address: "db:6789", metricName: "loss", startStep: 5),
    ]
    let others =
      scopes.map {
        AverageKey(scope: $0, trialName: key.trialName, startTime: 1, completionTime: 2)
      } + [
        AverageKey(scope: scope, trialName: key.trialName, startTime: 3, completionTime: 2),
        AverageKey(scope: scope, trialName: key.trialName, startTime: 1, completionTime: nil),
      ]
    #expect(cache.claim(others).known.isEmpty)
    #expect(cache.claim([key]).known == [key: 1])
  }

  @Test func memoryIsBoundedAndKeepsWhatIsInUse() {
    let cache = AverageCache(capacity: 10)
    for key in keys(0..<8) { cache.keep(0, for: key) }
    // The next request knows five of these and brings four new ones.
    let claim = cache.claim(keys(3..<12))
    #expect(claim.known.count == 5)
    for key in claim.mine { cache.keep(1, for: key) }
    cache.release(claim.mine)
    #expect(cache.count == 9)
    #expect(cache.claim(keys(3..<12)).known.count == 9)
    for key in keys(100..<200) { cache.keep(2, for: key) }
    #expect(cache.count <= 10)
  }
}
