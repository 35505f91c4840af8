// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KatibAPI

@Suite struct ObservationLogMessagesTests {
  let arenas = ArenaPool()
  let log = [
    MetricLog(timeStamp: "2026-01-02T03:04:05.678Z", metricName: "acc", value: "0.5"),
    MetricLog(timeStamp: "", metricName: "", value: "nan"),
  ]

  @Test func messagesSurviveTheRoundTrip() throws {
    let get = GetObservationLogRequest(
      trialName: "t", metricName: "acc", startTime: "a", endTime: "b")
    let getBytes = try get.packed(using: arenas)
    #expect(try GetObservationLogRequest(decoding: getBytes, using: arenas) == get)
    let reply = GetObservationLogReply(log: log)
    let replyBytes = try reply.packed(using: arenas)
    #expect(try GetObservationLogReply(decoding: replyBytes, using: arenas) == reply)
  }

  @Test func replyHasTheContractsShape() throws {
    let entry = Wire.text(1, "2026") + Wire.payload(2, Wire.text(1, "acc") + Wire.text(2, "1"))
    let bytes = Wire.nested([1, 1], entry)
    #expect(
      try GetObservationLogReply(decoding: bytes, using: arenas).log
        == [MetricLog(timeStamp: "2026", metricName: "acc", value: "1")])
    #expect(try GetObservationLogReply(decoding: [UInt8](), using: arenas).log.isEmpty)
  }
}
