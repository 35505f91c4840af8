// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CYAML
internal import FoundationEssentials

/// A YAML document as a tree, read by libyaml. JSON is YAML, too.
///
/// Scalars stay text: what a kubeconfig means by them is known where they are used.
enum YAMLNode: Sendable, Equatable {
  case scalar(String)
  case sequence([YAMLNode])
  case mapping([String: YAMLNode])

  subscript(_ key: String) -> YAMLNode? {
    guard case .mapping(let entries) = self else { return nil }
    return entries[key]
  }

  /// The text of a scalar; nil of `null`, `~` and the empty scalar.
  var text: String? {
    guard case .scalar(let text) = self, !["", "~", "null"].contains(text) else { return nil }
    return text
  }

  var elements: [YAMLNode] {
    guard case .sequence(let elements) = self else { return [] }
    return elements
  }

  var isTrue: Bool { ["true", "True", "TRUE"].contains(text ?? "") }

  /// Why bytes are no YAML document.
  struct Fault: Error, Equatable {
    let problem: String
  }

  /// Reads the first document; an empty one is an empty mapping.
  init(parsing bytes: [UInt8]) throws(Fault) {
    var parser = yaml_parser_t()
    guard yaml_parser_initialize(&parser) == 1 else { throw Fault(problem: "no memory") }
    defer { yaml_parser_delete(&parser) }
    let outcome = bytes.withUnsafeBufferPointer { bytes in
      Result { () throws(Fault) in
        yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
        var document = yaml_document_t()
        guard yaml_parser_load(&parser, &document) == 1 else {
          let problem = parser.problem.map { String(cString: $0) } ?? "not YAML"
          throw Fault(problem: "line \(parser.problem_mark.line + 1): \(problem)")
        }
        defer { yaml_document_delete(&document) }
        guard let root = yaml_document_get_root_node(&document) else {
          return YAMLNode.mapping([:])
        }
        var reader = Reader(document: document)
        return try reader.node(root.pointee, depth: 0)
      }
    }
    self = try outcome.get()
  }

  private struct Reader {
    var document: yaml_document_t
    var count = 0

    mutating func node(_ node: yaml_node_t, depth: Int) throws(Fault) -> YAMLNode {
      count += 1
      // An anchor may contain its own alias, and aliases of aliases grow without end.
      guard depth <= KubernetesLimits.yamlDepth, count <= KubernetesLimits.yamlNodes else {
        throw Fault(problem: "it nests or repeats itself too much")
      }
      switch node.type {
      case YAML_SCALAR_NODE:
        let scalar = node.data.scalar
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        return .scalar(String(decoding: bytes, as: UTF8.self))
      case YAML_SEQUENCE_NODE:
        let items = node.data.sequence.items
        var elements: [YAMLNode] = []
        for item in UnsafeBufferPointer(start: items.start, count: items.top - items.start) {
          elements.append(try self.node(item, depth: depth + 1))
        }
        return .sequence(elements)
      case YAML_MAPPING_NODE:
        let pairs = node.data.mapping.pairs
        var entries: [String: YAMLNode] = [:]
        for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start) {
          guard case .scalar(let key) = try self.node(pair.key, depth: depth + 1) else { continue }
          entries[key] = try self.node(pair.value, depth: depth + 1)
        }
        return .mapping(entries)
      default:
        return .scalar("")
      }
    }

    /// The node of that number, as sequences and mappings name their parts.
    private mutating func node(_ number: Int32, depth: Int) throws(Fault) -> YAMLNode {
      guard let node = yaml_document_get_node(&document, number) else {
        throw Fault(problem: "a node is missing")
      }
      return try self.node(node.pointee, depth: depth)
    }
  }
}
