// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CLinux
internal import CommonServices
internal import Glibc

/// A call of the system that failed.
struct SystemCallError: Error, Equatable {
  /// What was attempted, as in "cannot make ...".
  var attempt: String
  var path: String
  /// The errno.
  var number: Int32

  var reason: String { String(cString: strerror(number)) }

  /// Nothing more can be written: the volume or the quota is used up.
  var isFull: Bool { number == ENOSPC || number == EDQUOT || number == EFBIG }

  var isDenied: Bool { number == EACCES || number == EPERM || number == EROFS }
}

/// One component of a path, as bytes: trials name their files as they like.
struct FileName: Hashable, Comparable, Sendable {
  /// Without the closing NUL.
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  init(bytes: [UInt8]) { self.bytes = bytes }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  static func < (a: FileName, b: FileName) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  func withCString<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return try "".withCString(body) }
      return try body(start)
    }
  }
}

/// What stands behind a name.
struct FileStatus {
  enum Kind { case directory, file, link, other }

  var kind: Kind
  /// The twelve bits of chmod(2).
  var permissions: mode_t
  var owner: uid_t
  var group: gid_t
  var size: Int
  var accessed: timespec
  var modified: timespec

  init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFDIR: .directory
      case S_IFREG: .file
      case S_IFLNK: .link
      default: .other
      }
    permissions = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    size = Int(status.st_size)
    accessed = status.st_atim
    modified = status.st_mtim
  }
}

/// An open directory. Every name is one component inside it and is never followed where it is a
/// symbolic link (openat(2), O_NOFOLLOW), so nothing that a trial puts into its folder can lead out
/// of the volume, whenever it does so.
final class Directory {
  let descriptor: Int32
  /// For messages alone.
  let path: String

  /// Opens the directory at `path`, through symbolic links: the path is the operator's.
  convenience init(path: String) throws(SystemCallError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemCallError(attempt: "open", path: path, number: errno) }
    self.init(descriptor: descriptor, path: path)
  }

  private init(descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  func path(of name: FileName) -> String { path + "/" + name.text }

  func failure(_ attempt: String, _ name: FileName, _ number: Int32 = errno) -> SystemCallError {
    SystemCallError(attempt: attempt, path: path(of: name), number: number)
  }

  func open(_ name: FileName) throws(SystemCallError) -> Directory {
    let descriptor = name.withCString {
      openat(self.descriptor, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    guard descriptor >= 0 else { throw failure("open", name) }
    return Directory(descriptor: descriptor, path: path(of: name))
  }

  /// Makes a directory that only this user may enter yet.
  /// - Returns: false when something of that name is there already.
  @discardableResult
  func make(_ name: FileName) throws(SystemCallError) -> Bool {
    if name.withCString({ mkdirat(descriptor, $0, 0o700) }) == 0 { return true }
    guard errno == EEXIST else { throw failure("make", name) }
    return false
  }

  /// What stands behind a name itself, also where it is a symbolic link; nil for nothing.
  func status(of name: FileName) throws(SystemCallError) -> FileStatus? {
    var status = stat()
    if name.withCString({ fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 {
      return FileStatus(status)
    }
    guard errno == ENOENT else { throw failure("look at", name) }
    return nil
  }

  /// The status of the directory itself.
  func status() throws(SystemCallError) -> FileStatus {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw SystemCallError(attempt: "look at", path: path, number: errno)
    }
    return FileStatus(status)
  }

  /// The names inside, in the order of their bytes.
  /// - Parameter most: after one more than so many it reads no further.
  func names(atMost most: Int = .max - 1) throws(SystemCallError) -> [FileName] {
    func failed() -> SystemCallError {
      SystemCallError(attempt: "list", path: path, number: errno)
    }
    // A descriptor of its own: reading a directory moves the position that duplicates share.
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0 else { throw failed() }
    guard let stream = fdopendir(copy) else {
      close(copy)
      throw failed()
    }
    defer { closedir(stream) }
    var names: [FileName] = []
    errno = 0
    while names.count <= most, let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if bytes != [0x2e], bytes != [0x2e, 0x2e] { names.append(FileName(bytes: bytes)) }
      errno = 0
    }
    guard errno == 0 else { throw failed() }
    return names.sorted()
  }

  func setPermissions(_ permissions: mode_t) throws(SystemCallError) {
    guard fchmod(descriptor, permissions) == 0 else {
      throw SystemCallError(attempt: "change the permissions of", path: path, number: errno)
    }
  }

  /// Gives an entry another place, at once for everybody who looks.
  /// - Returns: false when something of the new name is there already.
  func move(
    _ name: FileName, to target: Directory, as newName: FileName
  ) throws(SystemCallError) -> Bool {
    let (from, to) = (descriptor, target.descriptor)
    func rename(_ call: (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32) -> Int32 {
      name.withCString { name in newName.withCString { call(name, $0) == 0 ? 0 : errno } }
    }
    var number = rename { renameat2(from, $0, to, $1, CLINUX_RENAME_NOREPLACE) }
    if number == EINVAL || number == ENOSYS || number == EOPNOTSUPP {
      // NFS, for one, does not know the flag. A rename replaces at most an empty directory there.
      guard try target.status(of: newName) == nil else { return false }
      number = rename { renameat(from, $0, to, $1) }
    }
    switch number {
    case 0: return true
    case EEXIST, ENOTEMPTY, ENOTDIR: return false
    default: throw failure("move", name, number)
    }
  }

  /// Sees to it that the directory's entries outlive a crash of the machine.
  func synchronize() throws(SystemCallError) {
    // Some file systems of the network refuse it for directories, and need it not.
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw SystemCallError(attempt: "write", path: path, number: errno)
    }
  }

  /// Sees to it that everything written to the file system outlives a crash of the machine.
  func synchronizeVolume() throws(SystemCallError) {
    guard syncfs(descriptor) == 0 else {
      throw SystemCallError(attempt: "write", path: path, number: errno)
    }
  }

  /// Sets the time of the last change to now.
  func touch() { _ = futimens(descriptor, nil) }

  /// Removes an entry with all that is in it, as far as this user may.
  func remove(_ name: FileName, depth: Int = 2 * ServiceLimits.checkpointDepth) {
    guard depth > 0, let status = try? status(of: name) else { return }
    if status.kind == .directory {
      // Its own permissions may keep this user from emptying a folder that it owns.
      _ = name.withCString { fchmodat(descriptor, $0, 0o700, 0) }
      if let folder = try? open(name), let names = try? folder.names() {
        for inner in names { folder.remove(inner, depth: depth - 1) }
      }
    }
    let flags = status.kind == .directory ? AT_REMOVEDIR : 0
    _ = name.withCString { unlinkat(descriptor, $0, Int32(flags)) }
  }
}
