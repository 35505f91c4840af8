// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KubernetesAPI

@Suite struct YAMLNodeTests {
  private func parse(_ text: String) throws -> YAMLNode {
    try YAMLNode(parsing: Array(text.utf8))
  }

  @Test func documentsBecomeTrees() throws {
    let node = try parse(
      """
      # a comment
      name: "a b"
      list:
      - one
      - {two: 2, three: [4, 'five']}
      block: |
        line
      empty:
      tilde: ~
      """)
    #expect(node["name"]?.text == "a b")
    #expect(node["list"]?.elements.count == 2)
    #expect(node["list"]?.elements[1]["three"]?.elements.map(\.text) == ["4", "five"])
    #expect(node["block"]?.text == "line\n")
    #expect(node["empty"]?.text == nil)
    #expect(node["tilde"]?.text == nil)
    #expect(node["absent"] == nil)
    #expect(node.text == nil)
    #expect(node.elements.isEmpty)
  }

  @Test func jsonIsYAML() throws {
    let node = try parse(#"{"a": {"b": ["\u00e9", true, null]}}"#)
    #expect(node["a"]?["b"]?.elements.map(\.text) == ["é", "true", nil])
  }

  @Test func aliasesStandForTheirAnchors() throws {
    let node = try parse("base: &b {x: 1}\nuse: *b\n")
    #expect(node["use"]?["x"]?.text == "1")
  }

  @Test func anEmptyDocumentIsAnEmptyMapping() throws {
    #expect(try parse("") == .mapping([:]))
    #expect(try parse("# nothing\n") == .mapping([:]))
  }

  @Test(arguments: [
    "a: [1, 2", "a: b: c", "\t- x", "*unknown", "a: \u{1}", "&a [*a]",
    "a: &a [x,x,x,x,x,x,x,x,x]\n"
      + "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
      + "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
      + "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
  ])
  func whatIsNoDocumentIsRefused(text: String) {
    #expect(throws: YAMLNode.Fault.self) { try parse(text) }
  }

  @Test func deepNestingIsRefused() {
    let text = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(throws: YAMLNode.Fault.self) { try parse(text) }
  }
}
