// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder of a test's own, removed with it.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/katib-test.XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
    }
    precondition(!path.isEmpty, "no folder can be made in /tmp")
  }

  @discardableResult
  func write(_ name: String, _ text: String) -> String {
    let file = path + "/" + name
    let stream = fopen(file, "w")
    fputs(text, stream)
    if let stream { fclose(stream) }
    return file
  }

  deinit {
    for name in names { unlink(path + "/" + name) }
    rmdir(path)
  }

  private var names: [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
