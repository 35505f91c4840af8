// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CNghttp2

/// One side of one HTTP/2 connection: bytes in, events to the delegate; bytes out. No sockets, no
/// clock.
///
/// A session belongs to one thread at a time (nghttp2 has no locks), and nothing of it is shared.
/// nghttp2 forbids to receive or send from inside its callbacks; submitting frames there is fine,
/// so the delegate decides in the callbacks and whoever feeds the session drains it afterwards.
///
/// What surprises, all of it learnt the hard way:
/// - RST_STREAM queued behind HEADERS discards them. The reset that follows an early answer is
///   therefore submitted when its last frame has left (``HTTP2SessionDelegate/frameSent(_:)``).
/// - Trailers submitted before the body has ended overtake it. They are submitted from within the
///   callback that provides the last bytes of the body.
/// - Closed streams are reported even while sending, but not when the session is deleted.
///
/// See https://nghttp2.org/documentation/programmers-guide.html.
final class HTTP2Session {
  enum Role { case client, server }

  /// nghttp2_session.
  private let handle: OpaquePointer
  /// A fatal error: the session must be flushed and closed.
  private(set) var failure: HTTP2Failure?

  /// Lives as long as the session, whose objects lie in it.
  private let memory: SessionMemory

  /// - Parameter memory: of the thread that the session belongs to.
  /// - Throws: ``HTTP2Failure`` when there is no memory.
  init(
    _ role: Role, limits: Limits, memory: SessionMemory = SessionMemory()
  ) throws(HTTP2Failure) {
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0 else { throw .outOfMemory }
    defer { nghttp2_option_del(option) }
    HTTP2Session.configure(option, limits)
    let callbacks = SessionCallbacks.shared
    var session: OpaquePointer?
    var functions = memory.functions
    let result =
      switch role {
      case .server:
        nghttp2_session_server_new3(&session, callbacks.handle, nil, option, &functions)
      case .client:
        nghttp2_session_client_new3(&session, callbacks.handle, nil, option, &functions)
      }
    guard result == 0, let session else { throw .outOfMemory }
    handle = session
    self.memory = memory
    submitSettings(role, limits)
  }

  deinit { nghttp2_session_del(handle) }

  /// Names who is told what happens: once, before the first byte. The delegate owns the session and
  /// so outlives it.
  func setDelegate(_ delegate: HTTP2SessionDelegate) {
    nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(delegate).toOpaque())
  }

  private static func configure(_ option: OpaquePointer?, _ limits: Limits) {
    nghttp2_option_set_no_auto_window_update(option, 1)
    // Closed streams would be kept for the priorities of RFC 7540, as many as may be open: 20 MB on 500
    // connections.
    nghttp2_option_set_no_closed_streams(option, 1)
    // A metadata value may have blanks around it; gRPC forbids to fail for that.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1)
    nghttp2_option_set_stream_reset_rate_limit(
      option, UInt64(limits.resetsReceived.burst), UInt64(limits.resetsReceived.perSecond))
    nghttp2_option_set_max_continuations(option, limits.continuations)
    nghttp2_option_set_max_outbound_ack(option, limits.queuedAcknowledgements)
    nghttp2_option_set_max_settings(option, limits.settingsEntries)
  }

  private func submitSettings(_ role: Role, _ limits: Limits) {
    var entries = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.streamWindowBytes),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.headerListBytes),
    ]
    switch role {
    case .server:
      entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsPerConnection))
    case .client:
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    }
    check(
      nghttp2_submit_settings(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
    setWindow(stream: 0, bytes: limits.connectionWindowBytes)
  }

  private func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
    nghttp2_settings_entry(
      settings_id: Int32(id.rawValue), value: UInt32(min(max(0, value), Int(Int32.max))))
  }

  // MARK: Bytes

  /// Feeds received bytes. After a failure the rest of the input is ignored.
  func receive(_ bytes: UnsafeRawBufferPointer) {
    guard failure == nil, let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    let result = nghttp2_session_mem_recv(handle, start, bytes.count)
    if result < 0 { fail(Int32(truncatingIfNeeded: result)) }
  }

  /// The next frame to send, valid until the next call; nil when there is none.
  func nextOutput() -> UnsafeRawBufferPointer? {
    var data: UnsafePointer<UInt8>?
    let count = nghttp2_session_mem_send(handle, &data)
    guard count > 0 else {
      if count < 0 { fail(Int32(truncatingIfNeeded: count)) }
      return nil
    }
    return UnsafeRawBufferPointer(start: data, count: count)
  }

  /// Whether the connection has served its purpose: nothing to read, nothing to send.
  var isFinished: Bool {
    (failure != nil || nghttp2_session_want_read(handle) == 0)
      && nghttp2_session_want_write(handle) == 0
  }

  /// Frames that wait to be sent.
  var queuedFrames: Int { nghttp2_session_get_outbound_queue_size(handle) }

  // MARK: Streams

  /// Attaches the object whose address ``object(_:)`` returns until the stream closes.
  func attach(_ object: AnyObject, to stream: Int32) {
    nghttp2_session_set_stream_user_data(
      handle, stream, Unmanaged.passUnretained(object).toOpaque())
  }

  func detach(_ stream: Int32) {
    nghttp2_session_set_stream_user_data(handle, stream, nil)
  }

  func object(_ stream: Int32) -> UnsafeMutableRawPointer? {
    nghttp2_session_get_stream_user_data(handle, stream)
  }

  /// Whether the peer may still send on the stream.
  func isOpenForReceiving(_ stream: Int32) -> Bool {
    nghttp2_session_get_stream_remote_close(handle, stream) == 0
  }

  /// Lets the peer send as many bytes more on the connection.
  func consumeConnection(_ count: Int) {
    check(nghttp2_session_consume_connection(handle, count))
  }

  /// Lets the peer send as many bytes more on the stream. A stream that is gone is ignored.
  func consume(_ count: Int, stream: Int32) {
    guard count > 0 else { return }
    nghttp2_session_consume_stream(handle, stream, count)
  }

  /// Sets the receive window of a stream, or of the connection for stream 0.
  func setWindow(stream: Int32, bytes: Int) {
    nghttp2_session_set_local_window_size(
      handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, Int32(clamping: bytes))
  }

  // MARK: Frames

  /// Starts a response. With a body, the delegate's `provideBody` is asked for it.
  func submitResponse(stream: Int32, _ fields: UnsafeBufferPointer<nghttp2_nv>, hasBody: Bool) {
    guard hasBody else {
      check(nghttp2_submit_response(handle, stream, fields.baseAddress, fields.count, nil))
      return
    }
    var provider = HTTP2Session.bodyProvider
    check(nghttp2_submit_response(handle, stream, fields.baseAddress, fields.count, &provider))
  }

  /// Starts a request whose body the delegate's `provideBody` is asked for.
  /// - Returns: the stream, or nil when the connection takes no more.
  func submitRequest(
    _ fields: UnsafeBufferPointer<nghttp2_nv>, object: AnyObject
  ) -> Int32? {
    var provider = HTTP2Session.bodyProvider
    let stream = nghttp2_submit_request(
      handle, nil, fields.baseAddress, fields.count, &provider,
      Unmanaged.passUnretained(object).toOpaque())
    return stream > 0 ? stream : nil
  }

  /// Only from within `provideBody`, together with ``BodyStep/endedBeforeTrailers``.
  func submitTrailers(stream: Int32, _ fields: UnsafeBufferPointer<nghttp2_nv>) {
    check(nghttp2_submit_trailer(handle, stream, fields.baseAddress, fields.count))
  }

  /// Asks for the body again after ``BodyStep/paused``.
  func resume(_ stream: Int32) {
    nghttp2_session_resume_data(handle, stream)
  }

  /// Never behind frames of the same stream that must arrive: they would be discarded.
  func submitReset(stream: Int32, code: UInt32) {
    check(
      nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code))
  }

  func submitPing(_ payload: UInt64) {
    withUnsafeBytes(of: payload) { bytes in
      let data = bytes.bindMemory(to: UInt8.self).baseAddress
      check(nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), data))
    }
  }

  /// Announces the end of the connection while requests may still arrive (last stream 2^31-1).
  func submitShutdownNotice() {
    check(nghttp2_submit_shutdown_notice(handle))
  }

  /// Ends the intake: streams up to the last one seen are served, later ones ignored.
  func submitGoAway(code: UInt32, debug: StaticString = "") {
    let last = nghttp2_session_get_last_proc_stream_id(handle)
    check(
      nghttp2_submit_goaway(
        handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code, debug.utf8Start,
        debug.utf8CodeUnitCount))
  }

  private static var bodyProvider: nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.read_callback = SessionCallbacks.readBody
    return provider
  }

  private func check(_ result: Int32) {
    // Submitting fails for streams that are gone and sessions that end, which is no news; only
    // fatal errors (no memory) matter.
    if nghttp2_is_fatal(result) != 0 { fail(result) }
  }

  private func fail(_ code: Int32) {
    if failure == nil { failure = HTTP2Failure(code: code) }
  }
}

/// Why a session cannot go on.
struct HTTP2Failure: Error, Equatable {
  /// An nghttp2 error code, negative.
  var code: Int32

  static let outOfMemory = HTTP2Failure(code: NGHTTP2_ERR_NOMEM.rawValue)

  /// nghttp2's words for it.
  var text: String { String(cString: nghttp2_strerror(code)) }
}

/// HTTP/2 error codes (RFC 9113 section 7) this module sends or maps.
enum HTTP2Code {
  static let noError: UInt32 = 0
  static let refusedStream: UInt32 = 7
  static let cancel: UInt32 = 8
  static let enhanceYourCalm: UInt32 = 11
  static let inadequateSecurity: UInt32 = 12
}
