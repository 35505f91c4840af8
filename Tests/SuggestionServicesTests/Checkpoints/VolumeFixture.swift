// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// A volume in a temporary folder, and what is in it.
final class VolumeFixture {
  let root: String
  private let parent: String

  init() {
    // In memory where there is such a place: a thousand synchronised files take seconds elsewhere.
    let base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(base)/checkpoints.XXXXXX".utf8CString)
    parent = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
    root = parent + "/volume"
    mkdir(root, 0o755)
  }

  deinit { try? FileManager.default.removeItem(atPath: parent) }

  /// Beside the volume: where nothing may ever appear.
  var outside: String { parent + "/outside" }

  func path(_ relative: String) -> String { relative.isEmpty ? root : root + "/" + relative }

  /// Makes folders on the way.
  func makeFolder(_ relative: String) {
    var path = root
    for part in relative.split(separator: "/") {
      path += "/" + part
      mkdir(path, 0o755)
    }
  }

  func write(_ bytes: [UInt8], to relative: String, mode: mode_t = 0o644, time: Int? = nil) {
    makeFolder(relative.split(separator: "/").dropLast().joined(separator: "/"))
    try? Data(bytes).write(to: URL(filePath: path(relative)))
    chmod(path(relative), mode)
    if let time { setTime(time, of: relative) }
  }

  func write(_ text: String, to relative: String) { write(Array(text.utf8), to: relative) }

  func setTime(_ time: Int, of relative: String) {
    let times = [timespec(tv_sec: time, tv_nsec: 123_456_789), timespec(tv_sec: time, tv_nsec: 5)]
    utimensat(AT_FDCWD, path(relative), times, AT_SYMLINK_NOFOLLOW)
  }

  func link(_ target: String, at relative: String) { symlink(target, path(relative)) }

  func status(_ relative: String) -> stat? {
    var status = stat()
    return lstat(path(relative), &status) == 0 ? status : nil
  }

  func mode(_ relative: String) -> String {
    String((status(relative)?.st_mode ?? 0) & 0o7777, radix: 8)
  }

  func names(_ relative: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(relative))) ?? ["?"]).sorted()
  }

  /// Everything below a folder: path, kind, permissions, time of change, and bytes or link text.
  func contents(_ relative: String) -> [String] {
    var found: [String] = []
    func visit(_ inner: String) {
      for name in names(relative + inner) {
        let path = inner + "/" + name
        guard let status = status(relative + path) else { continue }
        let kind = status.st_mode & S_IFMT
        var line = "\(path) \(String(status.st_mode, radix: 8))"
        if kind == S_IFREG {
          let data = FileManager.default.contents(atPath: self.path(relative + path)) ?? Data()
          line +=
            " \(data.count):\(data.reduce(UInt64(0)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })"
        }
        if kind == S_IFLNK {
          var text = [CChar](repeating: 0, count: 4_096)
          readlink(self.path(relative + path), &text, text.count - 1)
          line += " -> \(String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))"
        } else {
          line += " at \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }
        found.append(line)
        if kind == S_IFDIR { visit(path) }
      }
    }
    visit("")
    return found
  }
}
