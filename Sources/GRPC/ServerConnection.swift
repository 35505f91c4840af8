// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// One client's connection: the calls on it, their deadlines, and the rules its client must keep.
/// Bytes and time in, bytes out; the I/O thread owns it.
///
/// The work is spread over extensions: `+Receiving` (requests), `+Replying` (answers), `+Guarding`
/// (floods, keepalive, timeouts, draining).
final class ServerConnection: HTTP2SessionDelegate, Connection {
  enum Draining {
    case no
    /// GOAWAY with the highest stream is sent; a PING tells when the client must know.
    case announced(MonotonicInstant, reason: StaticString)
    /// GOAWAY with the last stream is sent.
    case lastCalls
  }

  let core: ServerCore
  // What every request needs, so that it is one load away.
  let router: Router
  let headerListLimit: Int
  let headerBlockLimit: Int
  let headerTimeout: Int64
  /// Nanoseconds; less once the client has closed its side.
  var stalledReplyTimeout: Int64
  let serial: UInt64
  let peer: String
  let session: HTTP2Session
  /// Set by the owner: called when there is something to send outside its own calls.
  var outputReady: (() -> Void)?

  // Several properties here and in ServerCall are not checked for overlapping access at run time.
  // One thread owns them, and none is passed inout to code that could reach it a second way; the
  // checks took a tenth of the time of a small call.

  /// The time of the present turn.
  @exclusivity(unchecked) var now: MonotonicInstant
  /// No timer is due before this; it may be earlier than necessary.
  @exclusivity(unchecked) private(set) var wakeAt: MonotonicInstant?

  @exclusivity(unchecked) var calls = SlotTable<ServerCall>()
  /// The request whose header block is being received; blocks never interleave.
  @exclusivity(unchecked) var head = RequestHead()
  @exclusivity(unchecked) var isReceivingRequest = false
  @exclusivity(unchecked) var headerStream: Int32 = 0
  /// The size of that block so far.
  @exclusivity(unchecked) var headerBytes = 0
  @exclusivity(unchecked) var headerDeadline: MonotonicInstant?
  /// The stream whose large message has memory or stands in line for it; 0 for none.
  @exclusivity(unchecked) var largeStream: Int32 = 0
  /// The streams of large messages behind it.
  var largeQueue: [Int32] = []
  /// What the calls hold of the memory budget.
  let account: MemoryAccount
  /// Bytes that held-back calls have put aside.
  var heldBackBytes = 0
  /// The DATA frame being received had no bytes so far.
  @exclusivity(unchecked) var isDataFrameEmpty = true
  /// Requests answered on this thread, for a look at the clock now and then.
  @exclusivity(unchecked) var inlineCalls: UInt = 0

  let opened: MonotonicInstant
  var hasHandshaken = false
  var lastReceived: MonotonicInstant
  var idleSince: MonotonicInstant
  /// Since when the socket, being full, has taken no output.
  var blockedSince: MonotonicInstant?
  /// When a full socket last took output.
  var outputProgress: MonotonicInstant
  var draining = Draining.no
  /// The rules were broken: flush and close.
  var isClosing = false
  @exclusivity(unchecked) var guards: ConnectionGuards
  var keepalivePingSent: MonotonicInstant?

  init(
    core: ServerCore, serial: UInt64, peer: String, now: MonotonicInstant
  ) throws(HTTP2Failure) {
    self.core = core
    router = core.router
    headerListLimit = core.limits.headerListBytes
    headerBlockLimit = core.limits.headerBlockBytes
    headerTimeout = core.limits.headerTimeout.saturatingNanoseconds
    stalledReplyTimeout = core.limits.stalledReplyTimeout.saturatingNanoseconds
    self.serial = serial
    account = MemoryAccount { [mailbox = core.mailbox] bytes in
      mailbox.post(.replyRefused(bytes), to: CallKey(connection: serial, stream: 0))
    }
    self.peer = peer
    self.now = now
    opened = now
    lastReceived = now
    idleSince = now
    outputProgress = now
    guards = ConnectionGuards(core.limits)
    session = try HTTP2Session(.server, limits: core.limits, memory: core.sessionMemory)
    super.init()
    session.setDelegate(self)
    arm(now.advanced(by: core.limits.handshakeTimeout))
    if let idle = core.limits.idleTimeout { arm(now.advanced(by: idle)) }
    if let interval = core.limits.keepaliveInterval { arm(now.advanced(by: interval)) }
  }

  /// Takes in bytes from the socket.
  func receive(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) {
    self.now = now
    lastReceived = now
    keepalivePingSent = nil
    session.receive(bytes)
  }

  /// The next bytes for the socket, valid until the next call; nil when there are none.
  func nextOutput() -> UnsafeRawBufferPointer? {
    session.nextOutput()
  }

  /// Whether the socket is to be closed once the output is flushed.
  var isDone: Bool {
    if isClosing || session.failure != nil || session.isFinished { return true }
    if case .lastCalls = draining { return calls.isEmpty }
    return false
  }

  /// Takes in what another thread has to say to a call.
  func deliver(_ content: Letter.Content, stream: Int32, now: MonotonicInstant) {
    self.now = now
    take(content, call(stream))
  }

  /// - Parameter call: nil if it is over.
  func take(_ content: Letter.Content, _ call: ServerCall?) {
    switch content {
    case .message(let message):
      if let call { send(message, call) }
    case .finish(let status):
      if let call { finish(call, status) }
    case .outcome(let result, let queuedUntil):
      guard let call else { return }
      call.queuedTime = queuedUntil.duration(since: call.queuedAt)
      call.queued = nil
      complete(call, result)
    case .memoryGranted(let reservation):
      memoryGranted(reservation, call)
    case .replyRefused: break
    }
  }

  /// The connection is gone: every call on it is cancelled.
  func lost(now: MonotonicInstant) {
    self.now = now
    // Nothing takes the place of what ends now.
    core.waitingBehind -= largeQueue.count
    largeQueue = []
    // nghttp2 reports no closed streams when a session is deleted.
    for call in calls.elements { close(call) }
    core.remove(self)
  }

  /// No timer is needed before `instant` because of this reason.
  func arm(_ instant: MonotonicInstant) {
    if let wakeAt, wakeAt <= instant { return }
    wakeAt = instant
  }

  /// Starts over with the timers; each that is still needed arms itself again.
  func disarm() {
    wakeAt = nil
  }

  /// The open call on a stream.
  func call(_ stream: Int32) -> ServerCall? {
    guard let object = session.object(stream) else { return nil }
    return Unmanaged<ServerCall>.fromOpaque(object).takeUnretainedValue()
  }

  // MARK: What the session reports

  override func headersBegan(stream: Int32, isTrailers: Bool) {
    beginHeaders(stream, isTrailers: isTrailers)
  }

  override func headerField(
    stream: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    headerBytes += RequestHead.listBytes(name: name.count, value: value.count)
    guard headerBytes <= headerBlockLimit else { return false }
    // Trailers of a request carry nothing in gRPC.
    if isReceivingRequest {
      head.add(name: name, value: value, router: router, limit: headerListLimit)
    }
    return true
  }

  override func headerFieldDropped(nameBytes: Int, valueBytes: Int) -> Bool {
    headerBytes += RequestHead.listBytes(name: nameBytes, value: valueBytes)
    return headerBytes <= headerBlockLimit
  }

  override func headersEnded(stream: Int32, endStream: Bool) {
    endHeaders(stream, endStream: endStream)
  }

  override func dataReceived(stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    isDataFrameEmpty = false
    receiveData(stream, bytes)
  }

  override func dataFrameEnded(stream: Int32, endStream: Bool) {
    if endStream {
      if let call = call(stream) { requestEnded(call) }
    } else if isDataFrameEmpty {
      guardEmptyData()
    }
    isDataFrameEmpty = true
  }

  override func controlFrameReceived(_ frame: ControlFrame) {
    guardControlFrame(frame)
  }

  override func invalidFrameReceived() {
    guardInvalidFrame()
  }

  override func frameSent(_ frame: SentFrame) {
    confirm(frame)
  }

  override func provideBody(
    stream: Int32, into target: UnsafeMutableRawBufferPointer
  ) -> BodyStep {
    guard let call = call(stream) else { return .ended(0) }
    return provideBody(call, target)
  }

  override func streamClosed(stream: Int32, code: UInt32) {
    // A header block that broke the rules never ends.
    if stream == headerStream { headerDeadline = nil }
    guard let call = call(stream) else { return }
    session.detach(stream)
    close(call)
  }

  /// Ends what is left of a call whose stream is gone.
  private func close(_ call: ServerCall) {
    discardRequest(call)
    call.context?.cancel(.cancelled)
    call.queued = nil
    call.handler?.closed()
    call.handler = nil
    if headerStream == call.stream { isReceivingRequest = false }
    calls.remove(call.slot)
    core.openCalls -= 1
    if calls.isEmpty { idleSince = now }
    guard let observer = core.observer else { return }
    observer(
      CallRecord(
        path: call.head.route?.path ?? call.head.unroutedPath,
        status: call.finalStatus ?? Status(.cancelled, "the client left"), peer: peer,
        bytesReceived: call.bytesReceived, bytesSent: call.bytesSent, queued: call.queuedTime,
        duration: now.duration(since: call.began)))
  }
}
