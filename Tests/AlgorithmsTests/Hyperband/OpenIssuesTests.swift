// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Testing

@testable import Algorithms

@Suite struct OpenIssuesTests {
  static func issue(_ index: Int, _ number: Int, _ level: Int) -> OpenIssues.Issue {
    OpenIssues.Issue(index: index, identity: .number(number), level: level)
  }

  @Test func textsReadBack() {
    var record = OpenIssues("9,4")
    record.add(OpenIssuesTests.issue(12, 7, 0))
    record.add(OpenIssues.Issue(index: 15, identity: .values(.max), level: 31))
    record.add(OpenIssues.Issue(index: 16, identity: .values(0), level: 2))
    record.add(OpenIssues.Issue(index: 17, identity: .number(8), level: 0, point: "5.1f"))
    #expect(record.text == "12:7:0,15:v3w5e11264sgsf:31,16:v0:2,17:8:0:5.1f,9,4")
    #expect(OpenIssues(record.text) == record)
    #expect(OpenIssues("") == OpenIssues())
    #expect(OpenIssues().text == "")
  }

  /// Whoever meddled with it: what cannot be read is passed over.
  @Test(arguments: [
    ",,,", "x", "1:2", "1:2:3:4:5", "-1:2:0", "1:2:32", "1:-2:0", "1:32767:0", "1:v:0", "1:vé:0",
    "99999999999999999999", "1:2:x", "é", " 1", "1:v3w5e11264sgsg:0", ":::", "1:",
  ])
  func whatCannotBeReadIsPassedOver(_ text: String) {
    #expect(OpenIssues(text) == OpenIssues() || text == "1:", "\(OpenIssues(text))")
    #expect(OpenIssues("3:4:1," + text).issues == [OpenIssuesTests.issue(3, 4, 1)])
  }

  @Test func endsHiddenAndDeletedAreToldApart() {
    let record = OpenIssues("5:5:0,3:3:0,4:4:0,8:8:0,7:7:0,9:2:1,2")
    // 3 is over, 4 is running, and of 5, 7, 8 and 9 two are still kept.
    let (open, hidden) = record.update(over: [3], visible: [3, 4], hidden: 2, position: 20)
    #expect(hidden == [OpenIssuesTests.issue(5, 5, 0), OpenIssuesTests.issue(7, 7, 0)])
    #expect(open.issues.map(\.index) == [4, 5, 7])
    #expect(open.spent == [8, 9, 2])
    #expect(Set(open.indices) == [2, 4, 5, 7, 8, 9])
    // A deleted one that shows up after all, and an impossible count.
    let (later, none) = open.update(over: [], visible: [4, 8], hidden: -3, position: 20)
    #expect(none.isEmpty)
    #expect(later.issues.map(\.index) == [4])
    #expect(later.spent == [5, 7, 2, 9])
  }

  /// An index that is over may be given again, and its name with it, if the position falls below it and
  /// somebody deletes the trial: it stood neither in the history nor in the record.
  @Test func whatIsOverAheadOfThePositionStaysSpent() {
    let record = OpenIssues("20:5:0,3:3:0")
    let (open, _) = record.update(over: [3, 20], visible: [3, 20], hidden: 0, position: 12)
    #expect(open.spent == [20])
    #expect(open.update(over: [], visible: [], hidden: 0, position: 12).open.spent == [20])
    #expect(open.update(over: [20], visible: [20], hidden: 0, position: 21).open.spent == [])
  }

  /// The object that keeps it must not grow without end.
  @Test func theRecordIsBounded() {
    var record = OpenIssues()
    for i in 0..<5_000 { record.add(OpenIssuesTests.issue(i, i, 0)) }
    let kept = OpenIssues(record.text)
    #expect(kept.issues.count == OpenIssues.most)
    #expect(kept.issues.last == OpenIssuesTests.issue(4_999, 4_999, 0))
    #expect(record.text.utf8.count < 20_000)
  }

  /// Long points leave the record before the issues do, the oldest first.
  @Test func pointsAreBounded() {
    var record = OpenIssues()
    let point = String(repeating: "9.", count: 500) + "9"
    for i in 0..<100 {
      record.add(OpenIssues.Issue(index: i, identity: .number(i), level: 0, point: point))
    }
    let kept = OpenIssues(record.text)
    #expect(kept.issues.map(\.index) == Array(0..<100))
    #expect(kept.issues.filter { $0.point.isEmpty }.map(\.index) == Array(0..<84))
    #expect(record.text.utf8.count < OpenIssues.mostPointBytes + 2_000)
  }
}

@Suite struct PointTextTests {
  static let axes: [Axis] = [
    .grid(GridAxis(count: 1 << 53)), .continuous, .categorical(count: 3), .continuous,
  ]

  @Test func pointsReadBack() throws {
    let points: [[Double]] = [
      [0, 0, 0, 1], [0x1p53 - 1, 0.123456, 2, 1e-12], [35, 0.999999, 1, 0.5],
    ]
    for point in points {
      let text = PointText.text(point, axes: PointTextTests.axes)
      let read = try #require(PointText.point(text, axes: PointTextTests.axes))
      #expect(read[0] == point[0] && read[2] == point[2])
      for axis in [1, 3] { #expect(abs(read[axis] - point[axis]) < 1e-6) }
      // What comes back does not drift from request to request.
      #expect(PointText.text(read, axes: PointTextTests.axes) == text)
    }
    // Where values coincide they are the same ones.
    #expect(PointText.text([0, 1, 0, 0], axes: PointTextTests.axes) == "0.zzzz.0.0")
    #expect(PointText.point("z.zzzz.2.0", axes: PointTextTests.axes) == [35, 1, 2, 0])
  }

  @Test(arguments: [
    "", ".", "...", "1.1.1", "1.1.1.1.1", "1.1.3.1", "1.10000.1.1", "1.-1.1.1", "1.x y.1.1",
    "1.é.1.1", "2gosa7pa2gw.1.1.1", "zzzzzzzzzzzzzzzzzz.1.1.1",
  ])
  func whatIsNoPointIsNone(_ text: String) {
    #expect(PointText.point(text, axes: PointTextTests.axes) == nil)
  }
}

@Suite struct RungTagTests {
  @Test func detailsReadBack() {
    for number in [nil, 0, 1, 4_711, RungTag.largestNumber] {
      for level in [0, 1, 31] {
        let tag = RungTag(number: number, level: level)
        #expect(tag.detail < 1 << TrialNaming.detailBits)
        let other = RungTag(detail: tag.detail)
        #expect(other.number == number && other.level == level)
      }
    }
  }
}
