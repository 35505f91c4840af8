// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The client's end of a connection: many calls at once, their deadlines, their answers. Bytes and
/// time in, bytes out; the I/O thread owns it.
final class ClientConnection: HTTP2SessionDelegate, Connection {
  let session: HTTP2Session
  private let authority: String
  private let userAgent: String
  let limits: Limits
  var outputReady: (() -> Void)?
  /// Called once, when no more calls can be started here.
  var retired: (() -> Void)?
  /// Takes back a call that the server did not process.
  var returned: ((ClientCall) -> Void)?

  private var now: MonotonicInstant
  private(set) var wakeAt: MonotonicInstant?
  private var calls = SlotTable<ClientCall>()
  private var headerCall: ClientCall?
  private var hasGoAway = false
  private var isClosing = false
  private var hasRetired = false
  private var faults: TokenBucket
  private var emptyData: TokenBucket
  /// The DATA frame being received had no bytes so far.
  private var isDataFrameEmpty = true

  init(
    authority: String, userAgent: String, limits: Limits,
    now: MonotonicInstant
  ) throws(HTTP2Failure) {
    self.authority = authority
    self.userAgent = userAgent
    self.limits = limits
    self.now = now
    faults = TokenBucket(limits.faults)
    emptyData = TokenBucket(limits.emptyData)
    session = try HTTP2Session(.client, limits: limits)
    super.init()
    session.setDelegate(self)
  }

  // MARK: Bytes and time

  func receive(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) {
    self.now = now
    session.receive(bytes)
  }

  func nextOutput() -> UnsafeRawBufferPointer? { session.nextOutput() }

  var isDone: Bool {
    isClosing || session.failure != nil || session.isFinished || (hasGoAway && calls.isEmpty)
  }

  var isFlooded: Bool { false }

  func outputBlocked(_ blocked: Bool, now: MonotonicInstant) {}

  /// A server that is gone answers nothing.
  func inputClosed(now: MonotonicInstant) { isClosing = true }

  var endsWell: Bool { !isClosing }

  func timerFired(now: MonotonicInstant) {
    self.now = now
    wakeAt = nil
    for call in calls.elements {
      guard let deadline = call.deadline else { continue }
      if deadline <= now {
        cancel(call, Status(.deadlineExceeded, "the deadline of the call has passed"))
      } else {
        arm(deadline)
      }
    }
  }

  func lost(now: MonotonicInstant) {
    self.now = now
    retire()
    for call in calls.elements {
      calls.remove(call.slot)
      call.finish(Status(.unavailable, "the connection was lost"))
    }
  }

  private func arm(_ instant: MonotonicInstant) {
    if let wakeAt, wakeAt <= instant { return }
    wakeAt = instant
  }

  private func retire() {
    guard !hasRetired else { return }
    hasRetired = true
    retired?()
    retired = nil
  }

  // MARK: Calls

  /// - Returns: false if the connection takes no more calls.
  func start(_ call: ClientCall, now: MonotonicInstant) -> Bool {
    guard !hasGoAway, !isDone else { return false }
    var list = HeaderList()
    list.add(":method", "POST")
    list.add(":scheme", "http")
    list.add(":path", call.path.utf8)
    list.add(":authority", authority.utf8)
    list.add("te", "trailers")
    list.add("content-type", "application/grpc")
    list.add("user-agent", userAgent.utf8)
    // Bytes that are passed on as they come cannot be decompressed first.
    list.add("grpc-accept-encoding", call.isPassing ? "identity" : Compression.accepted)
    if let deadline = call.deadline {
      let timeout = Timeout.format(deadline.duration(since: now))
      list.add("grpc-timeout", timeout.utf8, isIndexed: false)
      arm(deadline)
    }
    call.metadata.forEachWire { name, value in list.add(name, value, isIndexed: false) }
    guard let stream = list.withFields({ session.submitRequest($0, object: call) }) else {
      retire()
      return false
    }
    call.stream = stream
    call.connection = self
    call.slot = calls.insert(call)
    outputReady?()
    return true
  }

  /// There is more to send, or the end of it.
  func outgoingChanged(_ call: ClientCall) {
    guard call.isBodyPaused else { return }
    call.isBodyPaused = false
    session.resume(call.stream)
    outputReady?()
  }

  /// Ends a call that the server has not ended.
  func cancel(_ call: ClientCall, _ status: Status) {
    guard !call.isFinished else { return }
    session.submitReset(stream: call.stream, code: HTTP2Code.cancel)
    call.finish(status)
    outputReady?()
  }

  /// Ends every call and the connection.
  func close(_ status: Status) {
    for call in calls.elements { call.finish(status) }
    session.submitGoAway(code: HTTP2Code.noError)
    isClosing = true
    retire()
    outputReady?()
  }

  private func call(_ stream: Int32) -> ClientCall? {
    guard let object = session.object(stream) else { return nil }
    return Unmanaged<ClientCall>.fromOpaque(object).takeUnretainedValue()
  }

  override func provideBody(stream: Int32, into target: UnsafeMutableRawBufferPointer) -> BodyStep {
    guard let call = call(stream) else { return .ended(0) }
    let count = call.outgoing.copy(into: target)
    guard call.outgoing.isEmpty else { return .wrote(count) }
    if call.isHalfClosed { return .ended(count) }
    if count > 0 { return .wrote(count) }
    call.isBodyPaused = true
    return .paused
  }

  // MARK: Responses

  override func headersBegan(stream: Int32, isTrailers: Bool) {
    headerCall = call(stream)
  }

  override func headerField(
    stream: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    headerCall?.head.add(name: name, value: value, limit: limits.headerListBytes)
    return true
  }

  override func headersEnded(stream: Int32, endStream: Bool) {
    guard let call = headerCall else { return }
    headerCall = nil
    call.hasResponse = true
    if endStream {
      finish(call)
    } else if let problem = call.head.problem(limit: limits.headerListBytes) {
      cancel(call, problem)
    }
  }

  override func dataReceived(stream: Int32, _ bytes: UnsafeRawBufferPointer) {
    isDataFrameEmpty = false
    session.consumeConnection(bytes.count)
    session.consume(bytes.count, stream: stream)
    guard let call = call(stream), !call.isFinished else { return }
    if case .passing(let deliver, _) = call.kind { return pass(bytes, call, deliver) }
    var rest = bytes
    while !call.isFinished {
      switch call.reader.next(&rest) {
      case .starved: return
      case .prefix(let prefix): admit(call, prefix)
      case .message(let message, let prefix): received(message, prefix, call)
      }
    }
  }

  override func dataFrameEnded(stream: Int32, endStream: Bool) {
    if endStream, let call = call(stream) {
      call.finish(Status(.internalError, "the response ended without a status"))
    } else if isDataFrameEmpty, !emptyData.take(at: now) {
      misbehaved()
    }
    isDataFrameEmpty = true
  }

  private func admit(_ call: ClientCall, _ prefix: MessageReader.Prefix) {
    if prefix.flag > 1 || (prefix.flag == 1 && call.head.encoding == nil) {
      return cancel(call, Status(.internalError, "the compressed flag is wrong"))
    }
    guard prefix.length <= limits.messageBytes,
      let message = ReceivedMessage(count: prefix.length, reservation: nil)
    else {
      let text = "a message of \(prefix.length) bytes is over the limit of \(limits.messageBytes)"
      return cancel(call, Status(.resourceExhausted, text))
    }
    call.reader.begin(message)
  }

  private func received(
    _ message: ReceivedMessage, _ prefix: MessageReader.Prefix, _ call: ClientCall
  ) {
    var message = message
    if prefix.flag == 1, let encoding = call.head.encoding {
      do throws(Status) {
        message = try encoding.decompress(message, limit: limits.messageBytes)
      } catch {
        return cancel(call, error)
      }
    }
    switch call.kind {
    case .unary:
      guard call.reply == nil else {
        return cancel(call, Status(.internalError, "more than one message in a unary reply"))
      }
      call.reply = message
    case .passing:
      break
    case .streaming(let deliver, _):
      deliver(message)
    }
  }

  /// Hands the bytes of a reply on without keeping them.
  private func pass(
    _ bytes: UnsafeRawBufferPointer, _ call: ClientCall,
    _ deliver: (UnsafeRawBufferPointer) throws(Status) -> Void
  ) {
    var rest = bytes
    while !call.isFinished {
      switch call.passing.next(&rest) {
      case .starved: return
      case .prefix(let prefix):
        if prefix.flag != 0 {
          return cancel(call, Status(.internalError, "the reply is compressed against our wish"))
        }
        if call.hasPassedMessage {
          return cancel(call, Status(.internalError, "more than one message in a unary reply"))
        }
        call.hasPassedMessage = true
      case .bytes(let part):
        do throws(Status) {
          try deliver(part)
        } catch {
          return cancel(call, error)
        }
      }
    }
  }

  /// The stream ended with a header block.
  private func finish(_ call: ClientCall) {
    let status = call.head.status
    if status.code == .ok, !call.isBetweenMessages {
      call.finish(Status(.internalError, "the last message is cut short"))
    } else {
      call.finish(status)
    }
  }

  override func streamClosed(stream: Int32, code: UInt32) {
    guard let call = call(stream) else { return }
    session.detach(stream)
    calls.remove(call.slot)
    if headerCall === call { headerCall = nil }
    guard !call.isFinished else { return }
    // Refused before any work was done, by RST_STREAM or by GOAWAY: safe to send again.
    if code == HTTP2Code.refusedStream, call.isUnary, !call.wasRetried, !call.hasResponse,
      let returned
    {
      call.prepareRetry()
      returned(call)
      return
    }
    call.finish(ClientConnection.status(reset: code))
  }

  /// The status of a call that ended with RST_STREAM (grpc doc/PROTOCOL-HTTP2.md, "Errors").
  private static func status(reset code: UInt32) -> Status {
    let status: StatusCode =
      switch code {
      case HTTP2Code.refusedStream: .unavailable
      case HTTP2Code.cancel: .cancelled
      case HTTP2Code.enhanceYourCalm: .resourceExhausted
      case HTTP2Code.inadequateSecurity: .permissionDenied
      default: .internalError
      }
    return Status(status, "the server reset the stream with HTTP/2 error \(code)")
  }

  // MARK: The connection

  override func controlFrameReceived(_ frame: ControlFrame) {
    guard case .goAway = frame else { return }
    hasGoAway = true
    retire()
  }

  override func invalidFrameReceived() {
    if !faults.take(at: now) { misbehaved() }
  }

  private func misbehaved() {
    session.submitGoAway(code: HTTP2Code.enhanceYourCalm)
    isClosing = true
  }
}
