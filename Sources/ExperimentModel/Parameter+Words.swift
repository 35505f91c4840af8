// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// A parameter's values in words, for messages that say what would be right.
extension Parameter {
  /// How many entries of a list a message repeats.
  private static let mostEntries = 6

  /// What the parameter takes, as in "it must be ...".
  public var validValues: String {
    switch domain {
    case .interval(let minimum, let maximum, _):
      return Parameter.range("a number", minimum, maximum)
    case .grid(let grid, _):
      let range = Parameter.range(
        grid.isInteger ? "a whole number" : "a number", grid.minimum, grid.maximum)
      let isPlain = grid.isInteger && grid.step == 1 || grid.count == 1
      return isPlain ? range : "\(range) in steps of \(Parameter.plain(grid.step))"
    case .ordinal(_, let texts), .categorical(let texts, _):
      let entries = texts.prefix(Parameter.mostEntries).map { Quoted.text($0) }
      let rest = texts.count - entries.count
      return (texts.count == 1 ? "" : "one of ") + entries.joined(separator: ", ")
        + (rest > 0 ? " and \(rest) more" : "")
    }
  }

  private static func range(_ kind: String, _ minimum: Double, _ maximum: Double) -> String {
    minimum == maximum ? plain(minimum) : "\(kind) from \(plain(minimum)) to \(plain(maximum))"
  }

  /// Without the ".0" that tells programs a double from an integer.
  private static func plain(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15
      ? String(Int(number)) : NumberText.text(number)
  }
}
