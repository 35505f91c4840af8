// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Algorithms
import CommonServices
import Dispatch
import GRPC
import Glibc
import Synchronization
import Testing

@testable import SuggestionServices

@Suite struct CheckpointVolumeTests {
  private let fixture = VolumeFixture()

  private struct Stopped: Error {}

  @discardableResult
  private func prepare(
    _ folders: [(String, String?)], experiment: String = "exp", inKernel: Bool = true,
    check: () throws -> Void = {}
  ) throws -> CheckpointVolume.Report {
    try CheckpointVolume(root: fixture.root, copiesInKernel: inKernel).prepare(
      folders.map { CheckpointFolder(trialName: $0.0, parentName: $0.1) }, experiment: experiment,
      checkCancellation: check)
  }

  /// A checkpoint with everything that one can have.
  private func makeParent(_ name: String = "exp/parent") {
    fixture.makeFolder(name)
    fixture.write("weights", to: name + "/model.bin")
    fixture.write([], to: name + "/empty")
    fixture.write(
      (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) },
      to: name + "/big", mode: 0o640, time: 1_000_000_001)
    fixture.write("run", to: name + "/tools/run.sh")
    chmod(fixture.path(name + "/tools/run.sh"), 0o755)
    fixture.write("x", to: name + "/steps/100/deep/state")
    fixture.write("secret", to: name + "/steps/100/own")
    chmod(fixture.path(name + "/steps/100/own"), 0o600)
    fixture.makeFolder(name + "/steps/none")
    chmod(fixture.path(name + "/steps/100/deep"), 0o500)
    fixture.link("steps/100", at: name + "/latest")
    fixture.link("/checkpoint/model.bin", at: name + "/absolute")
    fixture.link("../../../outside", at: name + "/upwards")
    fixture.link("nothing", at: name + "/dangling")
    for (i, path) in ["/steps/100", "/steps/none", "/steps", "/tools", "/model.bin"].enumerated() {
      fixture.setTime(1_000_000 + i, of: name + path)
    }
  }

  @Test func newMembersGetEmptyFoldersForEverybody() throws {
    let report = try prepare([("a", nil), ("b", nil)])
    #expect(report.made == 2 && report.bytes == 0 && report.notices.isEmpty)
    for name in ["exp/a", "exp/b"] {
      #expect(fixture.names(name).isEmpty && fixture.mode(name) == "777")
    }
    #expect(fixture.mode("exp") == "777")
    #expect(fixture.names("exp") == [".incomplete", "a", "b"])
    #expect(fixture.names("exp/.incomplete").isEmpty)
  }

  @Test(arguments: [true, false])
  func descendantsGetAllOfTheirParents(inKernel: Bool) throws {
    makeParent()
    let before = fixture.contents("exp/parent")
    let report = try prepare([("child", "parent")], inKernel: inKernel)
    #expect(report.made == 1 && report.bytes == 3_000_017 && report.notices.isEmpty)
    #expect(fixture.contents("exp/child") == before)
    #expect(fixture.contents("exp/parent") == before)
    #expect(fixture.mode("exp/child") == "777")
    // Copies, not further names of the same files.
    #expect(
      fixture.status("exp/child/model.bin")?.st_ino
        != fixture.status("exp/parent/model.bin")?.st_ino)
  }

  @Test func whatStandsIsLeftAlone() throws {
    makeParent()
    try prepare([("child", "parent"), ("new", nil)])
    fixture.write("trained on", to: "exp/child/model.bin")
    fixture.write("log", to: "exp/new/log")
    let before = fixture.contents("exp")
    let report = try prepare([("child", "parent"), ("new", nil)])
    #expect(report.made == 0 && report.bytes == 0)
    #expect(fixture.contents("exp") == before)
  }

  @Test(arguments: ["gone", "file", "link", "../exp/parent", ".incomplete", "", "."])
  func withoutAParentsFolderAChildBeginsFromNothing(parent: String) throws {
    makeParent()
    fixture.write("no folder", to: "exp/file")
    fixture.link("parent", at: "exp/link")
    let report = try prepare([("child", parent)])
    #expect(report.made == 1 && fixture.names("exp/child").isEmpty)
    #expect(report.notices.count == 1 && report.notices[0].contains("child begins from nothing"))
  }

  @Test func whatIsNoPartOfACheckpointIsLeftOut() throws {
    makeParent()
    mkfifo(fixture.path("exp/parent/pipe"), 0o644)
    mkfifo(fixture.path("exp/parent/steps/pipe"), 0o644)
    let report = try prepare([("child", "parent")])
    #expect(report.notices.count == 1 && report.notices[0].hasPrefix("2 sockets, pipes or devices"))
    #expect(!fixture.names("exp/child").contains("pipe"))
    #expect(fixture.names("exp/child").contains("model.bin"))
  }

  @Test func foldersTooDeepAreRefused() throws {
    fixture.makeFolder("exp/parent/" + Array(repeating: "d", count: 63).joined(separator: "/"))
    try prepare([("fits", "parent")])
    fixture.makeFolder("exp/parent/" + Array(repeating: "d", count: 64).joined(separator: "/"))
    let error = #expect(throws: CheckpointError.self) { try prepare([("deep", "parent")]) }
    #expect(error?.status.code == .failedPrecondition)
    #expect(fixture.names("exp") == [".incomplete", "fits", "parent"])
    #expect(fixture.names("exp/.incomplete").isEmpty)
  }

  /// Names are held in memory, of which a pod has little.
  @Test func foldersTooFullAreRefused() throws {
    fixture.makeFolder("exp/parent")
    let full = fixture.path("exp/parent")
    // Links cost nothing but their name.
    for i in 0...ServiceLimits.checkpointEntries { symlink("x", "\(full)/\(i)") }
    let error = #expect(throws: CheckpointError.self) { try prepare([("child", "parent")]) }
    #expect(error == .tooMany(path: full) && error?.status.code == .failedPrecondition)
  }

  // MARK: - Names

  static let badNames = [
    "", ".", "..", ".hidden", "a/b", "/", "/etc", "../outside", "a/../../outside",
    String(repeating: "x", count: 256),
  ]

  @Test(arguments: badNames) func namesStayInsideTheVolume(name: String) {
    for (experiment, trial) in [(name, "trial"), ("exp", name)] {
      let error = #expect(throws: CheckpointError.self) {
        try prepare([(trial, nil)], experiment: experiment)
      }
      #expect(error?.status.code == .invalidArgument)
    }
    #expect(throws: CheckpointError.self) {
      try CheckpointVolume(root: fixture.root).check(experiment: name)
    }
    #expect(access(fixture.outside, F_OK) != 0)
    #expect(fixture.names("").allSatisfy { $0 == "exp" })
  }

  /// Somebody has put a link where a folder of ours should be.
  @Test func linksAreNotFollowed() throws {
    mkdir(fixture.outside, 0o777)
    fixture.link("../outside", at: "exp")
    var error = #expect(throws: CheckpointError.self) { try prepare([("trial", nil)]) }
    #expect(error == .occupied(path: fixture.path("exp")))
    unlink(fixture.path("exp"))
    fixture.makeFolder("exp")
    fixture.link("../../outside", at: "exp/trial")
    error = #expect(throws: CheckpointError.self) { try prepare([("trial", nil)]) }
    #expect(error == .occupied(path: fixture.path("exp/trial")))
    #expect(error?.status.code == .failedPrecondition)
    fixture.makeFolder("exp2")
    fixture.link("../../outside", at: "exp2/.incomplete")
    error = #expect(throws: CheckpointError.self) {
      try prepare([("trial", nil)], experiment: "exp2")
    }
    #expect(error == .occupied(path: fixture.path("exp2/.incomplete")))
    #expect(fixture.names("../outside").isEmpty)
  }

  // MARK: - Volumes

  @Test(arguments: ["/nonexistent/data", "/dev/null", "/dev/null/data"])
  func aMissingVolumeIsTold(root: String) {
    for attempt in [
      { try CheckpointVolume(root: root).check(experiment: "exp") },
      {
        _ = try CheckpointVolume(root: root).prepare(
          [CheckpointFolder(trialName: "t", parentName: nil)], experiment: "exp",
          checkCancellation: {})
      },
    ] {
      let error = #expect(throws: CheckpointError.self) { try attempt() }
      #expect(error == .noVolume(root: root))
      #expect(error?.status.code == .failedPrecondition)
      for part in [root, "resumePolicy: FromVolume"] {
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
      }
    }
  }

  /// Nobody, root included, makes folders in /sys.
  @Test func aVolumeThatIsNotWritableIsTold() {
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointVolume(root: "/sys").check(experiment: "exp")
    }
    #expect(error?.status.code == .failedPrecondition)
    for part in ["user \(geteuid())", "/sys/", "resumePolicy: FromVolume"] {
      #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
    }
  }

  @Test func checkingLeavesNothingBehind() throws {
    let volume = CheckpointVolume(root: fixture.root)
    try volume.check(experiment: "exp")
    #expect(fixture.names("").isEmpty)
    makeParent()
    let before = fixture.contents("exp")
    try volume.check(experiment: "exp")
    #expect(fixture.contents("exp") == before)
  }

  // MARK: - Interruptions

  /// A call that ends at any point leaves nothing that has a trial's name and is not whole.
  @Test func cancelledAtAnyPointNothingHalfRemains() throws {
    makeParent()
    let parent = fixture.contents("exp/parent")
    var points = 0
    try prepare([("counted", "parent"), ("other", nil)]) { points += 1 }
    #expect(points > 15, "\(points)")
    for stop in 0..<points {
      let trial = "child-\(stop)"
      var passed = 0
      #expect(throws: Stopped.self) {
        try prepare([(trial, "parent"), ("new-\(stop)", nil)]) {
          if passed == stop { throw Stopped() }
          passed += 1
        }
      }
      let left = fixture.names("exp/.incomplete")
      #expect(left.isEmpty || left == ["parent.paused"], "stopped at \(stop): \(left)")
      if fixture.status("exp/" + trial) != nil {
        #expect(fixture.contents("exp/" + trial) == parent, "stopped at \(stop)")
      }
      try prepare([(trial, "parent"), ("new-\(stop)", nil)])
      #expect(fixture.contents("exp/" + trial) == parent, "stopped at \(stop)")
      #expect(fixture.names("exp/.incomplete").isEmpty, "stopped at \(stop)")
    }
  }

  /// A checkpoint that no single call has the time to copy. The child has another name in every call,
  /// since names depend on the states of all trials: each began a copy of its own once, and none was
  /// ever finished.
  @Test(arguments: [true, false], [true, false])
  func aCheckpointLargerThanACall(inKernel: Bool, isRenamed: Bool) throws {
    makeParent()
    let parent = fixture.contents("exp/parent")
    var calls = 0
    var child = "child"
    var isMade = false
    while !isMade, calls < 100 {
      calls += 1
      if isRenamed { child = "child-\(calls)" }
      var passed = 0
      do {
        isMade =
          try prepare([(child, "parent")], inKernel: inKernel) {
            passed += 1
            // What was done is passed over in silence, but not for free: a step more each time.
            if passed == calls + 2 { throw Stopped() }
          }.made == 1
      } catch is Stopped {
        #expect(fixture.names("exp/.incomplete") == ["parent.paused"])
        // The controller may take its time to ask again.
        fixture.setTime(
          time(nil) - 2 * ServiceLimits.idleCheckpointSeconds, of: "exp/.incomplete/parent.paused")
      }
    }
    #expect(isMade && calls > 5, "\(calls)")
    #expect(fixture.names("exp") == [".incomplete", child, "parent"])
    #expect(fixture.contents("exp/" + child) == parent)
    #expect(fixture.names("exp/.incomplete").isEmpty)
  }

  /// Names of foreign trials come from the request.
  @Test(arguments: ["../parent", "/parent", "..", ".incomplete", "", "a/b"])
  func parentsThatAreNoNamesLeadNowhere(parent: String) throws {
    makeParent()
    fixture.write("half", to: "parent.paused/model.bin")
    let report = try prepare([("child", parent)])
    #expect(report.made == 1 && report.notices.count == 1)
    #expect(fixture.names("exp/child").isEmpty)
    #expect(fixture.names("parent.paused") == ["model.bin"])
  }

  /// 200 MB of holes became 200 MB on the disk.
  @Test(arguments: [true, false]) func holesStayHoles(inKernel: Bool) throws {
    fixture.makeFolder("exp/parent")
    let length = 24 << 20
    for (name, places) in [
      ("middle", [5 << 20, 5 << 20 + 70_000, 11 << 20]), ("ends", [0, length - 4_096]),
      ("none", []),
    ] {
      let file = open(fixture.path("exp/parent/" + name), O_CREAT | O_WRONLY, 0o644)
      ftruncate(file, length)
      for place in places { pwrite(file, Array(repeating: UInt8(7), count: 4_096), 4_096, place) }
      close(file)
    }
    // Interrupted and taken up again, too.
    for stop in [4, 7, 100] {
      var passed = 0
      _ = try? prepare([("child", "parent")], inKernel: inKernel) {
        passed += 1
        if passed == stop { throw Stopped() }
      }
    }
    #expect(fixture.contents("exp/child") == fixture.contents("exp/parent"))
    for name in fixture.names("exp/child") {
      let blocks = fixture.status("exp/child/" + name)?.st_blocks ?? .max
      #expect(blocks * 512 <= 64 << 10, "\(name): \(blocks * 512) bytes on the disk")
    }
  }

  @Test func aNewMemberWhoseFolderIsOldIsTold() throws {
    fixture.write("old", to: "exp/founder/model.bin")
    fixture.makeFolder("exp/other")
    let report = try prepare([("founder", nil), ("other", nil)])
    #expect(report.made == 0)
    #expect(report.notices.count == 1 && report.notices[0].hasPrefix("founder begins with what"))
  }

  /// A copy that is taken up again copies only what is missing.
  @Test func pausedCopiesGoOnWhereTheyStopped() throws {
    fixture.makeFolder("exp/parent")
    for i in 0..<5 {
      fixture.write(Array(repeating: UInt8(i), count: 1_500_000), to: "exp/parent/f\(i)")
    }
    var passed = 0
    #expect(throws: Stopped.self) {
      try prepare([("child", "parent")], inKernel: false) {
        passed += 1
        // In the middle of the third file: the folder, then three points a file.
        if passed == 1 + 3 * 2 + 2 { throw Stopped() }
      }
    }
    let report = try prepare([("child", "parent")], inKernel: false)
    #expect(report.made == 1)
    #expect(report.bytes == 5 * 1_500_000 - 2 * 1_500_000 - ServiceLimits.checkpointBufferBytes)
    #expect(fixture.contents("exp/child") == fixture.contents("exp/parent"))
  }

  /// What a killed process left: of this trial it goes at once, of others after a while.
  @Test func leftoversAreCleanedUp() throws {
    makeParent()
    fixture.write("half", to: "exp/.incomplete/child.abc/model.bin")
    fixture.write("half", to: "exp/.incomplete/fresh.abc/model.bin")
    fixture.write("half", to: "exp/.incomplete/stale.abc/sub/model.bin")
    fixture.write("half", to: "exp/.incomplete/discarded.abc/sub/model.bin")
    chmod(fixture.path("exp/.incomplete/stale.abc/sub"), 0o500)
    fixture.setTime(
      time(nil) - 2 * ServiceLimits.idleCheckpointSeconds, of: "exp/.incomplete/stale.abc")
    try prepare([("child", "parent")])
    #expect(fixture.contents("exp/child") == fixture.contents("exp/parent"))
    #expect(fixture.names("exp/.incomplete") == ["fresh.abc"])
  }

  /// A call stands still at some point of its copy (its process may as well be dead), and another
  /// process is asked the same. The folder that comes out is whole, and stays so when the first one
  /// wakes up.
  @Test func twoAtOneFolder() throws {
    makeParent()
    let parent = fixture.contents("exp/parent")
    var points = 0
    try prepare([("counted", "parent")]) { points += 1 }
    for stop in 0..<points {
      let trial = "child-\(stop)"
      let volume = CheckpointVolume(root: fixture.root)
      let reached = DispatchSemaphore(value: 0)
      let goOn = DispatchSemaphore(value: 0)
      let ended = DispatchSemaphore(value: 0)
      let outcome = Mutex("")
      DispatchQueue.global().async {
        var passed = 0
        do {
          let folder = CheckpointFolder(trialName: trial, parentName: "parent")
          let report = try volume.prepare([folder], experiment: "exp") {
            if passed == stop {
              reached.signal()
              goOn.wait()
            }
            passed += 1
          }
          outcome.withLock { $0 = "made \(report.made)" }
        } catch {
          outcome.withLock { $0 = "\(error)" }
        }
        ended.signal()
      }
      reached.wait()
      // Before the end nothing has the name.
      #expect(fixture.status("exp/" + trial) == nil, "stopped at \(stop)")
      let report = try prepare([(trial, "parent")])
      #expect(report.made == 1)
      #expect(fixture.contents("exp/" + trial) == parent, "stopped at \(stop)")
      let inode = fixture.status("exp/" + trial)?.st_ino
      goOn.signal()
      ended.wait()
      let first = outcome.withLock { $0 }
      // It finds the folder made, or its own gone: and says so, not "No such file or directory" alone.
      #expect(
        first == "made 0" || first.contains("overtaken"), "stopped at \(stop): \(first)")
      #expect(fixture.contents("exp/" + trial) == parent, "stopped at \(stop): \(first)")
      #expect(fixture.status("exp/" + trial)?.st_ino == inode, "stopped at \(stop)")
      try prepare([("after-\(stop)", nil)])
      #expect(fixture.names("exp/.incomplete").isEmpty, "stopped at \(stop)")
    }
  }

  /// Asked again before the call that missed its deadline has left: the second call waits, and takes
  /// up what the first one leaves.
  @Test func theNextCallTakesUpWhatTheLastOneLeaves() throws {
    fixture.makeFolder("exp/parent")
    for i in 0..<5 { fixture.write(Array(repeating: 1, count: 1_000), to: "exp/parent/f\(i)") }
    let volume = CheckpointVolume(root: fixture.root)
    let folders = [CheckpointFolder(trialName: "child", parentName: "parent")]
    let reached = DispatchSemaphore(value: 0)
    let goOn = DispatchSemaphore(value: 0)
    let ended = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      var passed = 0
      _ = try? volume.prepare(folders, experiment: "exp") {
        passed += 1
        guard passed == 7 else { return }
        reached.signal()
        goOn.wait()
        throw Stopped()
      }
      ended.signal()
    }
    reached.wait()
    var waits = 0
    let report = try volume.prepare(folders, experiment: "exp") {
      waits += 1
      if waits == 5 { goOn.signal() }
    }
    ended.wait()
    #expect(waits > 5 && report.made == 1)
    // The first call was behind its third file.
    #expect(report.bytes == 2_000)
    #expect(fixture.contents("exp/child") == fixture.contents("exp/parent"))
    #expect(fixture.names("exp/.incomplete").isEmpty)
  }

  @Test func aThousandFolders() throws {
    makeParent()
    let folders = (0..<1_000).map { ("trial-\($0)", $0 % 100 == 0 ? "parent" : nil) }
    let report = try prepare(folders)
    #expect(report.made == 1_000)
    #expect(fixture.names("exp").count == 1_002)
  }
}
