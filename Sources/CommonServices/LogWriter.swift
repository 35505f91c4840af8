// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

/// Writes log lines from a thread of its own, so that nobody else waits for whoever reads them.
///
/// Standard error is often a pipe. One whose reader has stalled takes 64 KiB and then holds its
/// writer for ever, and a thread that serves or drains must not be held. So lines wait in a bounded
/// buffer; while it is full, lines are dropped, and a line in their place says how many they were.
/// The thread is made with the first line and lives as long as the process.
public final class LogWriter: Sendable {
  private struct State {
    /// Whole lines that wait, in order.
    var waiting: [UInt8] = []
    /// Lines that were dropped since a line last said so.
    var dropped = 0
    /// Whether the buffer has been full since lines were last taken from it. What comes then is
    /// dropped even if it would fit, so that the gap is one gap.
    var isFull = false
    /// Whether the thread has lines to write, or is writing.
    var isBusy = false
    var hasThread = false
    /// Of those who wait for the last line.
    var flushes: [DispatchSemaphore] = []
  }

  private let descriptor: Int32
  private let format: LineLogHandler.Format
  private let capacity: Int
  private let state = Mutex(State())
  /// Signalled each time the thread gets something to do.
  private let work = DispatchSemaphore(value: 0)

  /// A pipe takes so many bytes as a whole or not at all (Linux: PIPE_BUF).
  private static let pieceBytes = 4_096

  /// Time between two turns of writing. A line that comes alone leaves at once; of a server under
  /// load many leave together, for the price of one write and without waking the thread for each.
  private static let pause = Duration.milliseconds(2)

  /// - Parameters:
  ///   - descriptor: where the lines go; standard error.
  ///   - format: of the line about dropped lines.
  ///   - capacity: bytes that may wait: about two thousand lines. The thread may hold as many.
  public init(
    descriptor: Int32 = 2, format: LineLogHandler.Format, capacity: Int = 256 << 10
  ) {
    self.descriptor = descriptor
    self.format = format
    self.capacity = capacity
  }

  /// Takes one whole line with its line feed, or drops it. Never waits.
  @Sendable public func append(_ line: String) {
    var line = line
    let (wakes, starts) = line.withUTF8 { bytes in
      state.withLock { state in
        guard !state.isFull, bytes.count <= capacity - state.waiting.count else {
          state.isFull = true
          state.dropped += 1
          return (false, false)
        }
        state.waiting.append(contentsOf: bytes)
        defer { (state.isBusy, state.hasThread) = (true, true) }
        return (!state.isBusy, !state.hasThread)
      }
    }
    if starts, !startThread() { state.withLock { $0.hasThread = false } }
    if wakes { work.signal() }
  }

  /// Waits until every line has left, but no longer than `time`.
  /// - Returns: whether they have.
  @discardableResult
  public func flush(within time: Duration) -> Bool {
    let written = DispatchSemaphore(value: 0)
    let isIdle = state.withLock { state in
      if state.isBusy { state.flushes.append(written) }
      return !state.isBusy
    }
    return isIdle || written.wait(timeout: .now() + time / .seconds(1)) == .success
  }

  // MARK: The thread

  private func startThread() -> Bool {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return false }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, 256 << 10)
    // A thread inherits the mask it is made with. This one must take no signal that others wait
    // for, and none for a pipe that nobody has open any more.
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, &attributes,
      { context in
        if let context { Unmanaged<LogWriter>.fromOpaque(context).takeUnretainedValue().run() }
        return nil
      }, context.toOpaque())
    if code != 0 { context.release() }
    return code == 0
  }

  private func run() {
    // The two buffers change places, so writing allocates nothing.
    var lines: [UInt8] = []
    while true {
      work.wait()
      while let dropped = take(&lines) {
        let notice = dropped == 0 ? "" : self.notice(dropped)
        lines.append(contentsOf: notice.utf8)
        let unwritten = lines.withUnsafeBytes(write)
        if unwritten > 0 {
          // Nobody has the pipe open, or the disk is full. The next line may have better luck.
          state.withLock { $0.dropped += unwritten - (notice.isEmpty ? 0 : 1) + dropped }
        }
        usleep(UInt32(LogWriter.pause / .microseconds(1)))
      }
    }
  }

  /// Exchanges `lines`, which have been written, for those that wait.
  /// - Returns: the number of lines that were dropped after these; nil if there are none.
  private func take(_ lines: inout [UInt8]) -> Int? {
    // What one stall has made large is not kept for the next.
    if lines.capacity > capacity / 4 { lines = [] } else { lines.removeAll(keepingCapacity: true) }
    return state.withLock { state in
      guard !state.waiting.isEmpty else {
        state.isBusy = false
        for flush in state.flushes { flush.signal() }
        state.flushes = []
        return nil
      }
      swap(&state.waiting, &lines)
      defer { (state.dropped, state.isFull) = (0, false) }
      return state.dropped
    }
  }

  private func notice(_ count: Int) -> String {
    format.line(
      level: .warning, message: "log lines dropped",
      fields: [("count", "\(count)"), ("reason", "standard error was not read in time")])
  }

  /// Writes whole lines, as many at a time as a pipe takes at once: a process that ends while its
  /// log is not read leaves no half line in it.
  /// - Returns: the number of lines that could not be written.
  private func write(_ lines: UnsafeRawBufferPointer) -> Int {
    var rest = lines[...]
    while !rest.isEmpty {
      let fits = rest.prefix(LogWriter.pieceBytes).lastIndex(of: 0x0a)
      guard let end = fits ?? rest.firstIndex(of: 0x0a) else { break }
      var piece = rest[...end]
      rest = rest[(end + 1)...]
      while !piece.isEmpty {
        let count = Glibc.write(
          descriptor, UnsafeRawBufferPointer(rebasing: piece).baseAddress, piece.count)
        if count > 0 {
          piece = piece.dropFirst(count)
        } else if count < 0, errno == EAGAIN {
          // Whoever shares the pipe has made it non-blocking.
          var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&room, 1, -1)
        } else if count == 0 || errno != EINTR {
          return lines[piece.startIndex...].count { $0 == 0x0a }
        }
      }
    }
    return 0
  }
}
