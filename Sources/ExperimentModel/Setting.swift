// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// A setting of an algorithm, declared once.
///
/// Parsing, validation, messages, the `algorithms` command and the documentation all read this
/// row. An algorithm keeps its settings as constants and reads values through them:
///
///     static let candidates = Setting.whole("n_EI_candidates", default: 24, atLeast: 1, ...)
///     let n = settings[candidates]
public struct Setting<Value: Sendable>: Sendable {
  public let row: SettingRow
  let defaultValue: Value
  let parse: @Sendable (String) -> Value?

  /// - Parameters:
  ///   - aliases: other spellings that Katib's images use; the first name wins when several are
  ///     given.
  ///   - valid: the valid values in words, as in "it must be ...".
  ///   - defaultText: the default in words; empty when the setting is required.
  ///   - refusal: the whole message for a text that parses but is out of range, where Katib's own
  ///     tests compare it.
  ///   - parse: the value, nil when the text is no such value at all.
  ///   - accepts: whether a parsed value is in range.
  public init(
    _ name: String, aliases: [String] = [], default defaultValue: Value, defaultText: String,
    valid: String, summary: String,
    refusal: (@Sendable (_ name: String, _ value: String) -> String)? = nil,
    parse: @escaping @Sendable (String) -> Value?,
    accepts: @escaping @Sendable (Value) -> Bool = { _ in true }
  ) {
    self.defaultValue = defaultValue
    self.parse = parse
    row = SettingRow(
      name: name, aliases: aliases, defaultText: defaultText, valid: valid, summary: summary
    ) { name, text in
      guard let value = parse(text) else {
        let most = SettingParse.isTooLarge(text) ? " (the largest is \(Int.max))" : ""
        return "failed to validate \(name)(\(Quoted.shortened(text))): it must be \(valid)\(most)"
      }
      guard !accepts(value) else { return nil }
      return refusal?(name, Quoted.shortened(text))
        ?? "\(name) is \(Quoted.text(text)), it must be \(valid)"
    }
  }
}

/// A setting's row without its type: what help, documentation and validation need.
public struct SettingRow: Sendable {
  public let name: String
  public let aliases: [String]
  /// The default in words; empty when the setting is required.
  public let defaultText: String
  /// The valid values in words.
  public let valid: String
  public let summary: String
  /// What is wrong with a text given under one of the names, or nil.
  let problem: @Sendable (_ name: String, _ text: String) -> String?

  /// All names under which the setting may be given, the preferred one first.
  public var names: [String] { [name] + aliases }

  func isCalled(_ name: String) -> Bool { name == self.name || aliases.contains(name) }
}

extension Setting where Value == Int {
  /// A whole number.
  public static func whole(
    _ name: String, aliases: [String] = [], default defaultValue: Int, atLeast minimum: Int,
    summary: String, refusal: (@Sendable (String, String) -> String)? = nil
  ) -> Setting {
    Setting(
      name, aliases: aliases, default: defaultValue, defaultText: "\(defaultValue)",
      valid: "a whole number, at least \(minimum)", summary: summary, refusal: refusal,
      parse: SettingParse.whole, accepts: { $0 >= minimum })
  }
}

extension Setting where Value == Int? {
  /// A whole number without a fixed default.
  public static func whole(
    _ name: String, aliases: [String] = [], defaultText: String, atLeast minimum: Int,
    summary: String, refusal: (@Sendable (String, String) -> String)? = nil
  ) -> Setting {
    Setting(
      name, aliases: aliases, default: nil, defaultText: defaultText,
      valid: "a whole number, at least \(minimum)", summary: summary, refusal: refusal,
      parse: { text in SettingParse.whole(text).map { .some($0) } },
      accepts: { ($0 ?? minimum) >= minimum })
  }
}

extension Setting where Value == Double {
  /// A finite number in a range that `valid` describes and `accepts` decides.
  public static func number(
    _ name: String, aliases: [String] = [], default defaultValue: Double, valid: String,
    summary: String, refusal: (@Sendable (String, String) -> String)? = nil,
    accepts: @escaping @Sendable (Double) -> Bool
  ) -> Setting {
    Setting(
      name, aliases: aliases, default: defaultValue,
      defaultText: NumberText.text(defaultValue), valid: valid, summary: summary,
      refusal: refusal, parse: { NumberText.parse($0) }, accepts: accepts)
  }
}

extension Setting where Value == Double? {
  /// A finite number without a fixed default.
  public static func number(
    _ name: String, aliases: [String] = [], defaultText: String, valid: String, summary: String,
    refusal: (@Sendable (String, String) -> String)? = nil,
    accepts: @escaping @Sendable (Double) -> Bool
  ) -> Setting {
    Setting(
      name, aliases: aliases, default: nil, defaultText: defaultText, valid: valid,
      summary: summary, refusal: refusal,
      parse: { text in NumberText.parse(text).map { .some($0) } },
      accepts: { $0.map(accepts) ?? true })
  }
}

extension Setting where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of a few words: the raw values of an enumeration.
  public static func choice(
    _ name: String, default defaultValue: Value, summary: String,
    refusal: (@Sendable (String, String) -> String)? = nil
  ) -> Setting {
    let words = Value.allCases.map(\.rawValue)
    return Setting<Value>(
      name, default: defaultValue, defaultText: defaultValue.rawValue,
      valid: "one of \(words.joined(separator: ", "))", summary: summary, word: refusal)
  }

  private init(
    _ name: String, default defaultValue: Value, defaultText: String, valid: String,
    summary: String, word refusal: (@Sendable (String, String) -> String)?
  ) {
    self.defaultValue = defaultValue
    parse = { Value(rawValue: $0) }
    row = SettingRow(
      name: name, aliases: [], defaultText: defaultText, valid: valid, summary: summary
    ) { name, text in
      guard Value(rawValue: text) == nil else { return nil }
      return refusal?(name, Quoted.shortened(text))
        ?? "\(name) is \(Quoted.text(text)), it must be \(valid)"
    }
  }
}

/// How setting texts become values.
public enum SettingParse {
  /// A whole number in plain decimal digits, as Python's int() reads them.
  public static func whole(_ text: String) -> Int? {
    let trimmed = text.drop { $0 == " " }
    guard let last = trimmed.lastIndex(where: { $0 != " " }) else { return nil }
    return Int(trimmed[...last])
  }

  /// Whether a text is a whole number that no `Int` can hold.
  static func isTooLarge(_ text: String) -> Bool {
    let digits = text.utf8.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "+") }
      .prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return !digits.isEmpty && whole(text) == nil
      && text.utf8[digits.endIndex...].allSatisfy { $0 == UInt8(ascii: " ") }
  }
}

/// The settings of one Experiment, checked against an algorithm's declarations.
public struct Settings: Sendable {
  private let texts: [String: String]

  /// - Parameters:
  ///   - given: the Experiment's settings; of a repeated name the last one counts.
  ///   - rows: the declarations.
  ///   - acceptsUnknown: names that no row declares are passed over instead of refused, because
  ///     the upstream image of that name does the same.
  /// - Throws: `InvalidExperiment` for the first setting that is unknown or out of range.
  public init(
    _ given: [SettingText], declared rows: [SettingRow], algorithm: String, acceptsUnknown: Bool
  ) throws(InvalidExperiment) {
    var texts: [String: String] = [:]
    for setting in given { texts[setting.name] = setting.value }
    // The text that counts is looked at once, however often its name is repeated: it may be long.
    var unchecked = texts
    for setting in given {
      guard let text = unchecked.removeValue(forKey: setting.name) else { continue }
      guard let row = rows.first(where: { $0.isCalled(setting.name) }) else {
        if acceptsUnknown { continue }
        throw InvalidExperiment(
          "unknown setting \(Quoted.shortened(setting.name)) for algorithm \(algorithm)")
      }
      if let problem = row.problem(setting.name, text) { throw InvalidExperiment(problem) }
    }
    for row in rows where row.defaultText.isEmpty {
      guard row.names.contains(where: { texts[$0] != nil }) else {
        throw InvalidExperiment("\(row.name) is missing, it must be \(row.valid)")
      }
    }
    self.texts = texts
  }

  /// The value of a setting: as given, else its default.
  public subscript<Value>(_ setting: Setting<Value>) -> Value {
    given(setting) ?? setting.defaultValue
  }

  /// The value of a setting if the Experiment gives one.
  public func given<Value>(_ setting: Setting<Value>) -> Value? {
    for name in setting.row.names {
      if let text = texts[name], let value = setting.parse(text) { return value }
    }
    return nil
  }

  /// The given names that no row declares, in alphabetical order: worth a log line.
  public func unknownNames(declared rows: [SettingRow]) -> [String] {
    let known = Set(rows.flatMap(\.names))
    return texts.keys.filter { !known.contains($0) }.sorted()
  }
}
