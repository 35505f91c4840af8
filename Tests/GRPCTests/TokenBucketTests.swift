// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

@Suite struct TokenBucketTests {
  private let start = MonotonicInstant(nanoseconds: 5_000_000_000)

  private func take(_ bucket: inout TokenBucket, at now: MonotonicInstant) -> Bool {
    bucket.take(at: now)
  }

  @Test func burstThenRate() {
    var bucket = TokenBucket(.init(burst: 3, perSecond: 10))
    var now = start
    for _ in 0..<3 { #expect(take(&bucket, at: now)) }
    #expect(!take(&bucket, at: now))
    now = now.advanced(by: .milliseconds(99))
    #expect(!take(&bucket, at: now))
    now = now.advanced(by: .milliseconds(1))
    #expect(take(&bucket, at: now))
    #expect(!take(&bucket, at: now))
  }

  @Test func neverMoreThanTheBurst() {
    var bucket = TokenBucket(.init(burst: 2, perSecond: 10))
    #expect(take(&bucket, at: start))
    let later = start.advanced(by: .seconds(1_000_000))
    #expect(take(&bucket, at: later))
    #expect(take(&bucket, at: later))
    #expect(!take(&bucket, at: later))
  }

  @Test func timeThatRunsBackwardsGivesNothing() {
    var bucket = TokenBucket(.init(burst: 1, perSecond: 1))
    #expect(take(&bucket, at: start))
    #expect(!take(&bucket, at: start.advanced(by: .seconds(-100))))
  }

  /// Askers that come too early must not push the next token away.
  @Test func impatienceDoesNotDelay() {
    var bucket = TokenBucket(.init(burst: 1, perSecond: 1))
    var now = start
    var taken = 0
    for _ in 0..<100 {
      if bucket.take(at: now) { taken += 1 }
      now = now.advanced(by: .milliseconds(100))
    }
    #expect(taken == 10)
  }
}

@Suite struct KeepaliveEnforcementTests {
  private let start = MonotonicInstant(nanoseconds: 5_000_000_000)

  @Test func thirdStrikeEnds() {
    var guardian = KeepaliveEnforcement(Limits())
    let answers = (0..<4).map { _ in guardian.pingReceived(hasCalls: true, at: start) }
    #expect(answers == [true, true, true, false])
  }

  @Test func patientClientsStay() {
    var guardian = KeepaliveEnforcement(Limits())
    var now = start
    for _ in 0..<20 {
      let isFine = guardian.pingReceived(hasCalls: true, at: now)
      #expect(isFine)
      now = now.advanced(by: .seconds(300))
    }
  }

  @Test func withoutCallsTheIntervalIsLonger() {
    var guardian = KeepaliveEnforcement(Limits())
    var now = start
    var answers: [Bool] = []
    for _ in 0..<4 {
      answers.append(guardian.pingReceived(hasCalls: false, at: now))
      now = now.advanced(by: .seconds(300))
    }
    #expect(answers == [true, true, true, false])
  }

  /// grpc-go and grpcio measure bandwidth with a PING for each batch of data they receive.
  @Test func pingsBetweenAnswersAreFree() {
    var guardian = KeepaliveEnforcement(Limits())
    for _ in 0..<100 {
      guardian.dataSent()
      let isFine = guardian.pingReceived(hasCalls: true, at: start)
      #expect(isFine)
    }
  }
}
