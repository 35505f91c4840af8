// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Algorithms

@Suite struct PythonJSONTests {
  /// Right: what `json.dumps(text).replace('"', "'")` gives in Python, but for the apostrophe.
  @Test(arguments: [
    ("", "''"), ("max_pooling", "'max_pooling'"), ("3", "'3'"), ("a b", "'a b'"),
    ("say \"hi\"", #"'say \'hi\''"#), ("it's", #"'it\u0027s'"#), (#"a\b"#, #"'a\\b'"#),
    ("a\nb\tc\rd", #"'a\nb\tc\rd'"#), ("\u{8}\u{c}", #"'\b\f'"#),
    ("\u{0}\u{1f}", #"'\u0000\u001f'"#),
    ("\u{7f}", "'\u{7f}'"), ("é", #"'\u00e9'"#), ("層", #"'\u5c64'"#), ("😀", #"'\ud83d\ude00'"#),
    ("e\u{301}", #"'e\u0301'"#), ("</x>", "'</x>'"),
  ])
  func strings(_ text: String, _ json: String) {
    #expect(PythonJSON.string(text) == json)
  }

  @Test func arraysAndObjects() {
    #expect(PythonJSON.array([]) == "[]")
    #expect(PythonJSON.array(["1", "'a'"]) == "[1, 'a']")
    #expect(PythonJSON.object([]) == "{}")
    #expect(PythonJSON.object([("b", "1"), ("a", "null")]) == "{'b': 1, 'a': null}")
  }
}
