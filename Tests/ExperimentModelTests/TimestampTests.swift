// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ExperimentModel

@Suite struct TimestampTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59Z", -1),
    ("2006-01-02T15:04:05Z", 1_136_214_245),
    ("2000-02-29T12:00:00Z", 951_825_600), ("2024-02-29T00:00:00Z", 1_709_164_800),
    ("2024-03-01T00:00:00Z", 1_709_251_200), ("2100-02-28T00:00:00Z", 4_107_456_000),
    ("2100-03-01T00:00:00Z", 4_107_542_400), ("1900-03-01T00:00:00Z", -2_203_891_200),
    ("2038-01-19T03:14:08Z", 2_147_483_648), ("9999-12-31T23:59:59Z", 253_402_300_799),
    ("0002-01-01T00:00:00Z", -62_104_060_800), ("2016-12-31T23:59:60Z", 1_483_228_800),
    ("2006-01-02T15:04:05.999999999Z", 1_136_214_245), ("2006-01-02T15:04:05.Z", 1_136_214_245),
    ("2006-01-02T17:04:05+02:00", 1_136_214_245), ("2006-01-02T08:04:05-07:00", 1_136_214_245),
    ("2006-01-02T20:34:05.5+05:30", 1_136_214_245), ("2006-01-02t15:04:05z", 1_136_214_245),
  ])
  func timesAreRead(_ text: String, _ seconds: Int64) {
    #expect(Timestamp.seconds(text) == seconds)
  }

  @Test(arguments: [
    "", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "garbage", "2006-01-02",
    "2006-01-02T15:04:05",
    "2006-01-02 15:04:05Z", "2006-13-02T15:04:05Z", "2006-00-02T15:04:05Z", "2006-01-32T15:04:05Z",
    "2006-01-00T15:04:05Z", "2006-01-02T24:04:05Z", "2006-01-02T15:60:05Z", "2006-01-02T15:04:61Z",
    "2006-01-02T15:04:05Zx", "2006-01-02T15:04:05+0200", "2006-01-02T15:04:05+02:0x",
    "2006-01-02T15:04:05+", "-006-01-02T15:04:05Z", "2006/01/02T15:04:05Z", "2006-01-02T15:04:05.5",
    "2006-01-02T15:04:05.5.5Z", "２００６-01-02T15:04:05Z", "99999-01-01T00:00:00Z",
    "                    ", "\u{0}\u{0}\u{0}\u{0}-00-00T00:00:00Z",
  ])
  func whatIsNoTimeIsNil(_ text: String) {
    #expect(Timestamp.seconds(text) == nil)
  }

  /// Every day of 400 years follows the one before.
  @Test func daysAreConsecutive() {
    var expected: Int64 = 946_684_800
    for year in 2000..<2400 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for (month, days) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        .enumerated()
      {
        for day in 1...days {
          func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
          let text = "\(year)-\(two(month + 1))-\(two(day))T00:00:00Z"
          guard Timestamp.seconds(text) == expected else {
            Issue.record("\(text)")
            return
          }
          expected += 86_400
        }
      }
    }
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", Int64(0)), ("1970-01-01T00:00:01.5Z", 1_500_000_000),
    ("1970-01-01T00:00:00.123456789Z", 123_456_789),
    ("1970-01-01T00:00:00.1234567899Z", 123_456_789),
    ("1969-12-31T23:59:59.25Z", -750_000_000), ("1970-01-01T02:00:00.000001+02:00", 1_000),
    ("1970-01-01T00:00:00.Z", 0), ("9999-01-01T00:00:00Z", .max), ("1500-01-01T00:00:00Z", .min),
  ])
  func fractionsAreReadWhenAsked(text: String, nanoseconds: Int64) {
    #expect(Array(text.utf8).withUnsafeBufferPointer { Timestamp.nanoseconds($0) } == nanoseconds)
  }

  @Test(arguments: ["", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00.5", "yesterday"])
  func unreadableTimesHaveNoNanoseconds(text: String) {
    #expect(Array(text.utf8).withUnsafeBufferPointer { Timestamp.nanoseconds($0) } == nil)
  }
}
