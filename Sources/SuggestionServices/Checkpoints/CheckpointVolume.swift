// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Algorithms
internal import CommonServices
internal import Glibc

/// The trials' checkpoint folders on the volume that Katib mounts into the suggestion's pod.
///
/// `<root>/<experiment>/<trial>` must stand before the trial's name goes out: Katib mounts that
/// folder into the trial's pod. It is empty for a trial that begins from nothing, else a copy of
/// its parent's. A folder is made under another name, in `<root>/<experiment>/.incomplete`, and
/// gets its own in one step when it is complete. So whenever a process is killed, a folder that has
/// a trial's name is whole, and whoever is asked the same again leaves it as it is: its trial may
/// be running by then.
///
/// A call that runs into its deadline leaves its copy as `<parent>.paused`, and the next one that
/// copies this parent goes on from there: a checkpoint that takes longer than a call may last gets
/// copied all the same. The parent's name and not the child's, because the child may have another one
/// by then: names depend on the states of all trials.
///
/// What a killed process leaves in `.incomplete` is removed when the same trial is asked for again,
/// or once nothing has changed in it for a while. It is moved aside before that, in one step as
/// well: of two processes that work at one trial's folder one finishes and the other fails, and no
/// folder is made of what is left of another. Within a process the calls wait for each other.
///
/// A parent without a folder does not stop an Experiment: its child begins from nothing, and the
/// log says so. (A person removed it, or the trial belongs to an Experiment of the same name in
/// another namespace.)
public struct CheckpointVolume: Sendable {
  /// Where Katib mounts the volume.
  public static let defaultRoot = "/opt/katib/data"

  private let root: String
  private let copiesInKernel: Bool
  private let atWork = FoldersAtWork()

  public init(root: String) {
    self.init(root: root, copiesInKernel: true)
  }

  /// - Parameter copiesInKernel: false copies files through a buffer, as where the kernel cannot.
  init(root: String, copiesInKernel: Bool) {
    self.root = root
    self.copiesInKernel = copiesInKernel
  }

  /// What was done for a reply.
  struct Report {
    /// Folders made; those that stood already are not counted.
    var made = 0
    /// Bytes copied into them.
    var bytes = 0
    /// What an operator should read.
    var notices: [String] = []
  }

  private static let workshop = FileName(".incomplete")
  private static let discarded = "discarded"
  private static let pausedSuffix = ".paused"

  // MARK: - Validation

  /// Whether folders for an Experiment's trials could be made.
  /// - Throws: `CheckpointError`.
  func check(experiment: String) throws {
    let experiment = try CheckpointVolume.component(experiment, "the Experiment's name")
    let root = try openRoot()
    try CheckpointVolume.probe(root)
    if try writing({ () throws(SystemCallError) in try root.status(of: experiment) }) != nil {
      try CheckpointVolume.probe(try openFolder(experiment, in: root))
    }
  }

  /// The only sure sign that one may write is to do it.
  private static func probe(_ folder: Directory) throws(CheckpointError) {
    let name = FileName(".probe.\(random())")
    _ = try writing { () throws(SystemCallError) in try folder.make(name) }
    folder.remove(name)
  }

  // MARK: - Preparation

  /// Makes every folder that does not stand yet.
  /// - Parameter checkCancellation: throws when nobody waits for the reply any more; called before
  ///   each folder, file and part of a file.
  /// - Throws: `CheckpointError`, or what `checkCancellation` throws. In the second case the work
  ///   goes on where it stopped when the same is asked again.
  func prepare(
    _ folders: [CheckpointFolder], experiment: String, checkCancellation: () throws -> Void
  ) throws -> Report {
    var report = Report()
    guard !folders.isEmpty else { return report }
    let experimentName = try CheckpointVolume.component(experiment, "the Experiment's name")
    let names = try folders.map {
      try CheckpointVolume.component($0.trialName, "the name of a trial")
    }
    let root = try openRoot()
    _ = try writing { () throws(SystemCallError) in try root.make(experimentName) }
    let trials = try openFolder(experimentName, in: root)
    CheckpointVolume.share(trials)
    _ = try writing { () throws(SystemCallError) in try trials.make(CheckpointVolume.workshop) }
    let workshop = try openFolder(CheckpointVolume.workshop, in: trials)
    CheckpointVolume.share(workshop)
    let paused = Set(folders.compactMap { $0.parentName.flatMap(CheckpointVolume.pausedCopy) })
    try clean(workshop, of: trials, before: Set(names), keeping: paused)

    for (folder, name) in zip(folders, names) {
      try checkCancellation()
      if try isMade(name, in: trials) {
        noteContents(of: name, folder, in: trials, &report)
        continue
      }
      try withoutActuallyEscaping(checkCancellation) { check in
        try atWork.alone(at: trials.path(of: name), checkCancellation: check) {
          if try isMade(name, in: trials) { return }
          try make(name, folder, in: trials, workshop, check, &report)
        }
      }
    }
    if report.made > 0 {
      try writing { () throws(SystemCallError) in try trials.synchronize() }
    }
    return report
  }

  private func isMade(_ name: FileName, in trials: Directory) throws(CheckpointError) -> Bool {
    let status = try writing { () throws(SystemCallError) in try trials.status(of: name) }
    guard let status else { return false }
    guard status.kind == .directory else { throw .occupied(path: trials.path(of: name)) }
    return true
  }

  /// Tells of a folder that should be new and is not: on a volume that was kept, an Experiment of the
  /// same name and seed has had a trial of this name. A folder that cannot be read is its trial's business.
  private func noteContents(
    of name: FileName, _ folder: CheckpointFolder, in trials: Directory, _ report: inout Report
  ) {
    guard folder.parentName == nil else { return }
    if let names = try? trials.open(name).names(atMost: 0), !names.isEmpty {
      report.notices.append(
        "\(folder.trialName) begins with what its folder holds already: \(trials.path(of: name))")
    }
  }

  /// Makes one folder: all of it, or nothing that has its name.
  private func make(
    _ name: FileName, _ folder: CheckpointFolder, in trials: Directory, _ workshop: Directory,
    _ checkCancellation: @escaping () throws -> Void, _ report: inout Report
  ) throws {
    let temporary = FileName("\(name.text).\(CheckpointVolume.random())")
    let paused = folder.parentName.flatMap(CheckpointVolume.pausedCopy)
    if (try? paused.map { try workshop.move($0, to: workshop, as: temporary) }) != true {
      _ = try writing { () throws(SystemCallError) in try workshop.make(temporary) }
    }
    var hasCopied = false
    do {
      let target = try writing { () throws(SystemCallError) in try workshop.open(temporary) }
      if let parent = folder.parentName {
        hasCopied = try fill(
          target, for: folder.trialName, from: parent, in: trials, checkCancellation, &report)
      }
      let isOurs = try writing { () throws(SystemCallError) in
        try target.setPermissions(try target.status().permissions | 0o777)
        if hasCopied { try target.synchronizeVolume() }
        return try workshop.move(temporary, to: trials, as: name)
      }
      // Somebody else, asked the same, was faster.
      if isOurs { report.made += 1 } else { discard(temporary, in: workshop) }
    } catch {
      let wasTakenAway = CheckpointVolume.isTakenAway(temporary, workshop, error)
      let kept = error is CheckpointError ? nil : paused
      if (try? kept.map { try pause(temporary, as: $0, in: workshop) }) != true {
        discard(temporary, in: workshop)
      }
      if wasTakenAway { throw CheckpointError.overtaken(path: trials.path(of: name)) }
      throw error
    }
  }

  /// Whether something is missing because an unfinished folder is: nobody but another process, asked for
  /// the same trial, takes one away.
  private static func isTakenAway(
    _ temporary: FileName, _ workshop: Directory, _ error: any Error
  ) -> Bool {
    guard case CheckpointError.system(let failure) = error, failure.number == ENOENT else {
      return false
    }
    do throws(SystemCallError) {
      return try workshop.status(of: temporary) == nil
    } catch {
      return false
    }
  }

  /// Keeps a copy that is to go on later: all that is in it has reached the disk.
  private func pause(
    _ temporary: FileName, as paused: FileName, in workshop: Directory
  ) throws(SystemCallError) -> Bool {
    try workshop.synchronizeVolume()
    return try workshop.move(temporary, to: workshop, as: paused)
  }

  /// - Returns: false when there was nothing to copy.
  private func fill(
    _ target: Directory, for trial: String, from parent: String, in trials: Directory,
    _ checkCancellation: @escaping () throws -> Void, _ report: inout Report
  ) throws -> Bool {
    guard let source = try openParent(parent, in: trials) else {
      report.notices.append("\(trial) begins from nothing: its parent \(parent) has no folder")
      return false
    }
    var copy = FolderCopy(copiesInKernel: copiesInKernel, checkCancellation: checkCancellation)
    try copy.copyContents(of: source, to: target, top: target)
    report.bytes += copy.bytes
    if copy.skipped > 0 {
      report.notices.append(
        "\(copy.skipped) sockets, pipes or devices of \(parent) were not copied to \(trial)")
    }
    return true
  }

  /// The parent's folder; nil when there is none of that name.
  private func openParent(_ name: String, in trials: Directory) throws -> Directory? {
    guard let name = try? CheckpointVolume.component(name, ""),
      let status = try reading({ () throws(SystemCallError) in try trials.status(of: name) }),
      status.kind == .directory
    else { return nil }
    return try reading { () throws(SystemCallError) in try trials.open(name) }
  }

  /// Where the copy of a parent's folder waits; nil for a name that no folder can have.
  private static func pausedCopy(ofParent name: String) -> FileName? {
    (try? component(name, "")).map { FileName(bytes: $0.bytes + Array(pausedSuffix.utf8)) }
  }

  /// Removes what others left behind: of the trials asked for, and what has long been idle.
  /// - Parameter paused: copies that are to go on now, however long the controller has waited.
  private func clean(
    _ workshop: Directory, of trials: Directory, before wanted: Set<FileName>,
    keeping paused: Set<FileName>
  ) throws {
    let names = try writing { () throws(SystemCallError) in try workshop.names() }
    guard !names.isEmpty else { return }
    // The volume's own clock: another machine may have set the times.
    workshop.touch()
    let now = (try? workshop.status())?.modified.tv_sec ?? 0
    for name in names {
      let trial = FileName(bytes: Array(name.bytes.prefix { $0 != UInt8(ascii: ".") }))
      let changed = (try? workshop.status(of: name))?.modified.tv_sec ?? now
      let isIdle = now - changed > ServiceLimits.idleCheckpointSeconds
      let isDead = !paused.contains(name) && (wanted.contains(trial) || isIdle)
      if isDead && !atWork.contains(trials.path(of: trial))
        || trial == FileName(CheckpointVolume.discarded)
      {
        discard(name, in: workshop)
      }
    }
  }

  /// Removes an incomplete folder; whoever still works at it can no longer give it its name.
  private func discard(_ name: FileName, in workshop: Directory) {
    let other = FileName("\(CheckpointVolume.discarded).\(CheckpointVolume.random())")
    guard (try? workshop.move(name, to: workshop, as: other)) == true else { return }
    workshop.remove(other)
  }

  // MARK: - Names and folders

  /// - Throws: `CheckpointError.name` when a text cannot be one component of a path. Names that
  ///   begin with a dot are this volume's own.
  private static func component(
    _ text: String, _ field: String
  ) throws(CheckpointError) -> FileName {
    let name = FileName(text)
    guard (1...Int(NAME_MAX)).contains(name.bytes.count), name.bytes[0] != UInt8(ascii: "."),
      !name.bytes.contains(UInt8(ascii: "/")), !name.bytes.contains(0)
    else { throw .name(field: field, value: text) }
    return name
  }

  private func openRoot() throws(CheckpointError) -> Directory {
    do throws(SystemCallError) {
      return try Directory(path: root)
    } catch  where error.number == ENOENT || error.number == ENOTDIR {
      throw .noVolume(root: root)
    } catch {
      throw CheckpointError(writing: error)
    }
  }

  /// Opens a folder of ours.
  private func openFolder(
    _ name: FileName, in directory: Directory
  ) throws(CheckpointError) -> Directory {
    do throws(SystemCallError) {
      return try directory.open(name)
    } catch  where error.number == ELOOP || error.number == ENOTDIR {
      throw .occupied(path: error.path)
    } catch {
      throw CheckpointError(writing: error)
    }
  }

  /// Lets other users in where this one owns the folder: the next pod may run as another.
  private static func share(_ folder: Directory) {
    guard let status = try? folder.status(), status.permissions & 0o777 != 0o777 else { return }
    try? folder.setPermissions(status.permissions | 0o777)
  }

  private static func random() -> String { String(UInt64.random(in: 0 ... .max), radix: 36) }
}
