// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// JSON as Katib's architecture search passes it to a trial: written like Python's json.dumps
/// (`, ` and `: ` between things, ASCII alone), then every `"` turned into `'`, because the text
/// stands between double quotes on a command line. The trial turns every `'` back and reads JSON.
///
/// What surprises: a text that itself holds `'` would come back as broken JSON. It goes out as the
/// escape `\u0027`, which passes both turns and reads as what it was; everything else is byte for
/// byte what Katib's own images write.
enum PythonJSON {
  /// A string.
  static func string(_ text: String) -> String {
    var json = "'"
    for scalar in text.unicodeScalars {
      switch scalar {
      // json.dumps writes \" and the turn makes \' of it; the trial's turn makes it \" again.
      case "\"": json += "\\'"
      case "'": json += "\\u0027"
      case "\\": json += "\\\\"
      case "\n": json += "\\n"
      case "\r": json += "\\r"
      case "\t": json += "\\t"
      case "\u{8}": json += "\\b"
      case "\u{c}": json += "\\f"
      case " "..."~", "\u{7f}": json.unicodeScalars.append(scalar)
      default:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return json + "'"
  }

  /// An array of values that are JSON already.
  static func array(_ values: some Sequence<String>) -> String {
    "[" + values.joined(separator: ", ") + "]"
  }

  /// An object of keys and values that are JSON already, in this order.
  static func object(_ members: some Sequence<(String, String)>) -> String {
    "{" + members.lazy.map { key, json in "\(string(key)): \(json)" }.joined(separator: ", ") + "}"
  }
}
