// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The suggestions that no request has shown to be over: a setting which every reply returns and
/// every later request brings back.
///
/// The history hides trials: those that end without metrics, and for a moment those that are just
/// being made. Without a record of what they were, a configuration that fails on its next rung
/// without metrics would be promoted to it again with every request, for ever. The record also
/// keeps the indices, and so the names, of hidden trials from being given twice, and it tells where
/// new configurations began that nobody has seen since: a model that does not know of them would
/// propose their points for ever. (Their points could be proposed once more instead, as `IssueNames`
/// does for algorithms without a record. But here what a model knew depends on rungs and on whatever
/// else was in the reply, so that would be a guess, and would take as long as a suggestion each
/// time.) Katib's image of hyperband passes over settings that it does not know, so it can take
/// over again.
///
/// A suggestion that does not show up is hidden, or the controller has deleted it because the
/// parallelism was lowered. The position counts what was kept, so it tells how many are hidden; the
/// oldest are taken for those, because deletion begins with the newest. Of a deleted one only the
/// index is remembered.
///
///     12:7:0:5.1f,13:4:1,15:v1f0k3:2,9    index:configuration:level, with the point of a new
///                                         configuration (`PointText`), or index
struct OpenIssues: Equatable, Sendable {
  struct Issue: Hashable, Sendable {
    var index: Int
    var identity: ConfigurationIdentity
    var level: Int
    /// Of a new configuration, its values (`PointText`); empty where they are not known.
    var point = ""
  }

  /// The most entries to keep: some twenty bytes each in an object that etcd limits to 1.5 MiB.
  static let most = 1_000
  /// The most bytes of points to keep, the newest: some three hundred points of ten continuous
  /// parameters. The suggestion itself takes ten times as much in the same object.
  static let mostPointBytes = 16 << 10

  private(set) var issues: [Issue] = []
  /// Indices of deleted suggestions, whose names may still be around.
  private(set) var spent: [Int] = []

  init() {}

  /// Entries that cannot be read are passed over.
  init(_ text: String) {
    for entry in text.utf8.split(separator: UInt8(ascii: ",")).prefix(OpenIssues.most) {
      let fields = entry.split(separator: UInt8(ascii: ":")).map { String(Substring($0)) }
      guard let index = fields.first.flatMap({ Int($0) }), index >= 0 else { continue }
      if fields.count == 1 {
        spent.append(index)
      } else if fields.count == 3 || fields.count == 4,
        let identity = OpenIssues.identity(fields[1]),
        let level = Int(fields[2]), (0..<HyperbandSchedule.mostRungs).contains(level)
      {
        let point = fields.count == 4 ? fields[3] : ""
        issues.append(Issue(index: index, identity: identity, level: level, point: point))
      }
    }
  }

  private static func identity(_ text: String) -> ConfigurationIdentity? {
    if text.utf8.first == UInt8(ascii: "v") {
      return UInt64(text.dropFirst(), radix: 36).map { .values($0) }
    }
    guard let number = Int(text), (0...RungTag.largestNumber).contains(number) else { return nil }
    return .number(number)
  }

  /// What a request makes of the record.
  /// - Parameters:
  ///   - over: indices of trials that the request shows to be over; they leave.
  ///   - visible: indices of all trials that the request shows.
  ///   - hidden: how many trials there are besides those.
  ///   - position: the first index that may be given next.
  /// - Returns: the record, and what of it is hidden.
  func update(
    over: Set<Int>, visible: Set<Int>, hidden: Int, position: Int
  ) -> (open: OpenIssues, hidden: [Issue]) {
    var open = OpenIssues()
    var known = over
    let unfinished = issues.sorted { $0.index < $1.index }.filter {
      known.insert($0.index).inserted
    }
    let unseen = unfinished.filter { !visible.contains($0.index) }
    let concealed = unseen.prefix(max(0, hidden))
    let deleted = Set(unseen.dropFirst(concealed.count).map(\.index))
    open.issues = unfinished.filter { !deleted.contains($0.index) }
    open.spent = deleted.sorted()
    // Those would be given again if somebody deleted the trials and the position fell.
    open.spent += over.filter { $0 >= position }.sorted()
    open.spent += spent.sorted().filter { !visible.contains($0) && known.insert($0).inserted }
    return (open, Array(concealed))
  }

  mutating func add(_ issue: Issue) { issues.append(issue) }

  /// Indices that must not be given again.
  var indices: [Int] { issues.map(\.index) + spent }

  var text: String {
    var room = OpenIssues.mostPointBytes
    var entries: [String] = []
    for issue in issues.suffix(OpenIssues.most).reversed() {
      let configuration =
        switch issue.identity {
        case .number(let number): "\(number)"
        case .values(let hash): "v" + String(hash, radix: 36)
        }
      var entry = "\(issue.index):\(configuration):\(issue.level)"
      let length = issue.point.isEmpty ? 0 : 1 + issue.point.utf8.count
      if length > 0, length <= room {
        entry += ":" + issue.point
        room -= length
      }
      entries.append(entry)
    }
    return (entries.reversed() + spent.map { "\($0)" })
      .prefix(OpenIssues.most).joined(separator: ",")
  }
}
