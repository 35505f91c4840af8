// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import FoundationEssentials
internal import Glibc

/// Something secret or changing: a token, a certificate, a key. Files are read when they are
/// needed, each time, since Kubernetes replaces them while a pod runs.
package enum Material: Sendable, Equatable {
  case bytes([UInt8])
  case file(String)

  /// - Parameter what: what it is, for the message of an error.
  package func read(_ what: String) throws(KubernetesError) -> [UInt8] {
    switch self {
    case .bytes(let bytes): return bytes
    case .file(let path): return try Material.contents(of: path, what)
    }
  }

  /// The text of it, without the white space around.
  package func readText(_ what: String) throws(KubernetesError) -> String {
    let bytes = try read(what)
    let text = String(decoding: bytes, as: UTF8.self)
    let trimmed = text.drop(while: \.isWhitespace)
    guard let last = trimmed.lastIndex(where: { !$0.isWhitespace }) else {
      throw .configuration("\(what) is empty\(place)")
    }
    return String(trimmed[...last])
  }

  /// Where it is, for the end of a message.
  package var place: String {
    if case .file(let path) = self { ": \(path)" } else { "" }
  }

  static func contents(of path: String, _ what: String) throws(KubernetesError) -> [UInt8] {
    guard let file = fopen(path, "r") else {
      throw .configuration("\(what) cannot be read: \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    var count = 0
    while true {
      if count == bytes.count {
        guard count < KubernetesLimits.fileBytes else {
          throw .configuration("\(what) is longer than \(count) bytes: \(path)")
        }
        bytes.append(contentsOf: repeatElement(0, count: count))
      }
      let got = fread(&bytes[count], 1, bytes.count - count, file)
      guard got > 0 else {
        guard ferror(file) == 0 else {
          throw .configuration("\(what) cannot be read: \(path)")
        }
        return Array(bytes[..<count])
      }
      count += got
    }
  }

  /// The bytes that base64 text stands for.
  static func decoded(_ text: String, _ what: String) throws(KubernetesError) -> Material {
    guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
      throw .configuration("\(what) is no base64 text")
    }
    return .bytes(Array(data))
  }
}
