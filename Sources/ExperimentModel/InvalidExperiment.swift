// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What a user wrote cannot be honoured: the one error of the model.
///
/// It always becomes INVALID_ARGUMENT, the only status that Katib's controller takes for "the
/// Experiment is wrong" and shows to its user. So the message must stand alone: it names the
/// field, the value found there and what would be right.
public struct InvalidExperiment: Error, Equatable, Sendable, CustomStringConvertible {
  public let message: String

  public init(_ message: String) {
    self.message = message
  }

  public var description: String { message }
}

extension InvalidExperiment {
  /// `parameter "lr": max is "abc", which is not a number`
  static func parameter(_ name: String, _ problem: String) -> InvalidExperiment {
    InvalidExperiment("parameter \"\(Quoted.shortened(name))\": \(problem)")
  }
}

/// Text of a user's inside a message: quoted, and cut where somebody sent a novel.
public enum Quoted {
  /// The longest piece of foreign text that a message repeats, in characters.
  public static let longest = 80

  public static func shortened(_ text: String) -> String {
    // Characters are costly to count, and most texts are short.
    text.utf8.count <= longest || text.count <= longest ? text : text.prefix(longest) + "..."
  }

  public static func text(_ text: String) -> String {
    "\"\(shortened(text))\""
  }
}
