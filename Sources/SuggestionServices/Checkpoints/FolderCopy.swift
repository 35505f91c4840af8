// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CommonServices
internal import Glibc

/// Copies what is in one folder into another: files, folders, and symbolic links as links.
///
/// Names, bytes, permissions and times of change are kept (training code often takes the newest of
/// several checkpoints by its time). Owners are kept where this user may give files away; where it
/// may not, group and others get the rights that the owner had: the trial that will own nothing
/// here runs as another user than this process, and must be able to overwrite what it could
/// overwrite before. Sockets, pipes and devices are no part of a checkpoint and are left out.
///
/// A copy may be interrupted and taken up again: a file of the source's size and time is complete,
/// and a shorter one is a beginning to go on from. The caller synchronises the whole: doing it file
/// by file takes a hundred times as long.
///
/// Holes stay holes, where the file system tells of them: a database file of a few megabytes may call
/// itself a terabyte long.
///
/// Data goes from file to file inside the kernel (copy_file_range(2): shared blocks on file systems
/// that can, server-side copies on those of the network), else through a bounded buffer.
struct FolderCopy {
  /// Called before each entry and each part of a file; throws to end the copy.
  let checkCancellation: () throws -> Void
  /// False: through the buffer at once.
  let copiesInKernel: Bool
  private(set) var bytes = 0
  /// Entries that are no part of a checkpoint.
  private(set) var skipped = 0
  private var buffer: [UInt8] = []

  init(copiesInKernel: Bool, checkCancellation: @escaping () throws -> Void) {
    self.copiesInKernel = copiesInKernel
    self.checkCancellation = checkCancellation
  }

  /// - Parameter top: touched from time to time, as a sign of life.
  mutating func copyContents(
    of source: Directory, to target: Directory, top: Directory,
    depth: Int = 1
  ) throws {
    let most = ServiceLimits.checkpointEntries
    let names = try reading { () throws(SystemCallError) in try source.names(atMost: most) }
    guard names.count <= most else { throw CheckpointError.tooMany(path: source.path) }
    for name in names {
      try checkCancellation()
      top.touch()
      // A file may go while others are read: then it is no part of the copy.
      guard let status = try reading({ () throws(SystemCallError) in try source.status(of: name) })
      else { continue }
      switch status.kind {
      case .file: try copyFile(name, from: source, to: target, top: top)
      case .link: try copyLink(name, from: source, to: target)
      case .other: skipped += 1
      case .directory:
        guard depth < ServiceLimits.checkpointDepth else {
          throw CheckpointError.tooDeep(path: source.path(of: name))
        }
        let inner = try reading { () throws(SystemCallError) in try source.open(name) }
        let copy = try writing { () throws(SystemCallError) in
          try target.make(name)
          return try target.open(name)
        }
        try copyContents(of: inner, to: copy, top: top, depth: depth + 1)
        try finish(copy.descriptor, like: status, copy.path)
      }
    }
  }

  private mutating func copyFile(
    _ name: FileName, from source: Directory, to target: Directory,
    top: Directory
  ) throws {
    // Not blocking: what was a file a moment ago may be a pipe by now.
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    let input = name.withCString { openat(source.descriptor, $0, flags) }
    guard input >= 0 else { throw CheckpointError(reading: source.failure("open", name)) }
    defer { close(input) }
    var raw = stat()
    guard fstat(input, &raw) == 0 else {
      throw CheckpointError(reading: source.failure("look at", name))
    }
    let status = FileStatus(raw)
    guard status.kind == .file else {
      skipped += 1
      return
    }
    guard let output = try openCopy(of: name, like: status, in: target, input) else { return }
    do {
      try copyBytes(input, output, name, from: source, to: target, size: status.size, top: top)
      try finish(output, like: status, target.path(of: name))
    } catch {
      close(output)
      throw error
    }
    // File systems of the network tell here what could not be written.
    guard close(output) == 0 || errno == EINTR else {
      throw CheckpointError(writing: target.failure("write", name))
    }
  }

  /// Opens the copy of a file at the place where it is to be continued, both files alike.
  /// - Returns: nil when it is complete already.
  private func openCopy(
    of name: FileName, like status: FileStatus, in target: Directory, _ input: Int32
  ) throws(CheckpointError) -> Int32? {
    let flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC
    var output = name.withCString {
      openat(target.descriptor, $0, flags | O_CREAT | O_EXCL, 0o600)
    }
    if output >= 0 { return output }
    if errno == EEXIST {
      let copy = try writing { () throws(SystemCallError) in try target.status(of: name) }
      if let copy, copy.size == status.size, copy.modified.tv_sec == status.modified.tv_sec,
        copy.modified.tv_nsec == status.modified.tv_nsec
      {
        return nil
      }
      output = name.withCString { openat(target.descriptor, $0, flags) }
      if output >= 0 {
        let end = lseek(output, 0, SEEK_END)
        if end >= 0, lseek(input, end, SEEK_SET) == end { return output }
        close(output)
      }
    }
    throw CheckpointError(writing: target.failure("make", name))
  }

  private mutating func copyBytes(
    _ input: Int32, _ output: Int32, _ name: FileName, from source: Directory,
    to target: Directory, size: Int, top: Directory
  ) throws {
    var inKernel = copiesInKernel
    while true {
      let count: Int
      let data = passHole(input, output)
      if data == 0 {
        // Nothing but a hole is left, if anything.
        let end = lseek(input, 0, SEEK_END)
        guard end <= bytes(copiedTo: output) || ftruncate(output, end) == 0 else {
          throw CheckpointError(writing: target.failure("write", name))
        }
        return
      }
      if inKernel {
        let part = UInt(min(data, ServiceLimits.checkpointPartBytes))
        count = copy_file_range(input, nil, output, nil, part, 0)
        // Not between these file systems, not for this file, or not in this sandbox: and one that
        // gives nothing of a file that has something is not to be believed.
        let isRefused = [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EBADF].contains(errno)
        if count < 0 ? isRefused : count == 0 && bytes(copiedTo: output) < size {
          inKernel = false
          continue
        }
        guard count >= 0 else {
          if errno == EINTR { continue }
          throw CheckpointError(writing: target.failure("write", name))
        }
      } else {
        count = try copyThroughBuffer(input, output, name, source, target, atMost: data)
      }
      if count == 0 { return }
      bytes += count
      try checkCancellation()
      top.touch()
    }
  }

  private func bytes(copiedTo output: Int32) -> Int { Int(lseek(output, 0, SEEK_CUR)) }

  /// Moves both files on to the next data.
  /// - Returns: how many bytes of data there are before the next hole; 0 for none up to the end; as many
  ///   as there may be where the file system does not tell.
  private func passHole(_ input: Int32, _ output: Int32) -> Int {
    let position = lseek(input, 0, SEEK_CUR)
    let data = lseek(input, position, CLINUX_SEEK_DATA)
    guard data >= 0 else { return errno == ENXIO ? 0 : Int.max }
    let hole = lseek(input, data, CLINUX_SEEK_HOLE)
    // Both at one place again, the data's or, where that fails, the old one.
    guard hole > data, lseek(output, data, SEEK_SET) == data else {
      lseek(input, position, SEEK_SET)
      return Int.max
    }
    lseek(input, data, SEEK_SET)
    return hole - data
  }

  private mutating func copyThroughBuffer(
    _ input: Int32, _ output: Int32, _ name: FileName, _ source: Directory,
    _ target: Directory, atMost most: Int
  ) throws -> Int {
    if buffer.isEmpty {
      buffer = Array(repeating: 0, count: ServiceLimits.checkpointBufferBytes)
    }
    let count = buffer.withUnsafeMutableBytes {
      read(input, $0.baseAddress, min(most, $0.count))
    }
    guard count >= 0 else {
      if errno == EINTR {
        return try copyThroughBuffer(input, output, name, source, target, atMost: most)
      }
      throw CheckpointError(reading: source.failure("read", name))
    }
    var written = 0
    while written < count {
      let part = buffer.withUnsafeBytes {
        let rest = UnsafeRawBufferPointer(rebasing: $0[written..<count])
        return write(output, rest.baseAddress, rest.count)
      }
      guard part >= 0 || errno == EINTR else {
        throw CheckpointError(writing: target.failure("write", name))
      }
      written += max(part, 0)
    }
    return count
  }

  private func copyLink(
    _ name: FileName, from source: Directory, to target: Directory
  ) throws {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = name.withCString {
      readlinkat(source.descriptor, $0, &text, text.count - 1)
    }
    guard count >= 0 else { throw CheckpointError(reading: source.failure("read", name)) }
    text[count] = 0
    guard name.withCString({ symlinkat(text, target.descriptor, $0) }) == 0 || errno == EEXIST
    else {
      throw CheckpointError(writing: target.failure("make", name))
    }
  }

  /// Owner, permissions, times.
  private func finish(_ descriptor: Int32, like status: FileStatus, _ path: String) throws {
    var permissions = status.permissions & 0o777
    let isGivenAway =
      status.owner == geteuid() || fchown(descriptor, status.owner, status.group) == 0
    if !isGivenAway {
      let owners = permissions & 0o700
      permissions |= owners >> 3 | owners >> 6
    }
    let times = [status.accessed, status.modified]
    guard fchmod(descriptor, permissions) == 0, futimens(descriptor, times) == 0 else {
      throw CheckpointError(writing: SystemCallError(attempt: "write", path: path, number: errno))
    }
  }
}

/// Runs a call that looks at what a trial left, and tells its failure as such.
func reading<R>(_ call: () throws(SystemCallError) -> R) throws(CheckpointError) -> R {
  do throws(SystemCallError) { return try call() } catch { throw CheckpointError(reading: error) }
}

/// Runs a call that changes the volume, and tells its failure as such.
func writing<R>(_ call: () throws(SystemCallError) -> R) throws(CheckpointError) -> R {
  do throws(SystemCallError) { return try call() } catch { throw CheckpointError(writing: error) }
}
