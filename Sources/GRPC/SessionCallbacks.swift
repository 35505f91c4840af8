// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CNghttp2

/// The C functions nghttp2 calls, one set per process. Each finds its session and calls the
/// delegate; nothing is decided here.
struct SessionCallbacks {
  // Written once, before it is shared; nghttp2 copies it into each session.
  nonisolated(unsafe) let handle: OpaquePointer?

  static let shared = SessionCallbacks()

  private init() {
    var callbacks: OpaquePointer?
    nghttp2_session_callbacks_new(&callbacks)
    handle = callbacks
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
      guard let frame, let user else { return 0 }
      let isTrailers = frame.pointee.headers.cat == NGHTTP2_HCAT_HEADERS
      SessionCallbacks.withDelegate(user) {
        $0.headersBegan(stream: frame.pointee.hd.stream_id, isTrailers: isTrailers)
      }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameCount, value, valueCount, _, user in
      guard let frame, let user else { return 0 }
      var goesOn = true
      SessionCallbacks.withDelegate(user) {
        goesOn = $0.headerField(
          stream: frame.pointee.hd.stream_id,
          name: UnsafeBufferPointer(start: name, count: nameCount),
          value: UnsafeBufferPointer(start: value, count: valueCount))
      }
      return goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }
    // Without this callback an invalid field resets its stream; with it the field is dropped.
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) {
      _, _, _, nameCount, _, valueCount, _, user in
      guard let user else { return 0 }
      var goesOn = true
      SessionCallbacks.withDelegate(user) {
        goesOn = $0.headerFieldDropped(nameBytes: nameCount, valueBytes: valueCount)
      }
      return goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, stream, data, count, user in
      guard let user else { return 0 }
      SessionCallbacks.withDelegate(user) {
        $0.dataReceived(stream: stream, UnsafeRawBufferPointer(start: data, count: count))
      }
      return 0
    }
    SessionCallbacks.setFrameCallbacks(callbacks)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
      guard let user else { return 0 }
      SessionCallbacks.withDelegate(user) { $0.streamClosed(stream: stream, code: code) }
      return 0
    }
  }

  private static func setFrameCallbacks(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame, let user else { return 0 }
      SessionCallbacks.withDelegate(user) { SessionCallbacks.received(frame, $0) }
      return 0
    }
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, _, _, user in
      guard let user else { return 0 }
      SessionCallbacks.withDelegate(user) { $0.invalidFrameReceived() }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      guard let frame, let user else { return 0 }
      SessionCallbacks.withDelegate(user) { SessionCallbacks.sent(frame, $0) }
      return 0
    }
  }

  /// Provides the bodies of requests and responses.
  static let readBody: nghttp2_data_source_read_callback = {
    _, stream, buffer, length, flags, _, user in
    guard let user, let flags else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    var step = BodyStep.paused
    SessionCallbacks.withDelegate(user) {
      step = $0.provideBody(
        stream: stream, into: UnsafeMutableRawBufferPointer(start: buffer, count: length))
    }
    switch step {
    case .wrote(let count): return count
    case .ended(let count):
      flags.pointee = NGHTTP2_DATA_FLAG_EOF.rawValue
      return count
    case .endedBeforeTrailers(let count):
      flags.pointee = NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      return count
    case .paused: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
  }

  private static func received(
    _ frame: UnsafePointer<nghttp2_frame>, _ delegate: HTTP2SessionDelegate
  ) {
    let header = frame.pointee.hd
    let endStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    // ACK has the bit of END_STREAM.
    let isAcknowledgement = endStream
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      delegate.headersEnded(stream: header.stream_id, endStream: endStream)
    case NGHTTP2_DATA.rawValue:
      delegate.dataFrameEnded(stream: header.stream_id, endStream: endStream)
    case NGHTTP2_SETTINGS.rawValue:
      delegate.controlFrameReceived(isAcknowledgement ? .settingsAcknowledged : .settings)
    case NGHTTP2_PING.rawValue:
      let payload = withUnsafeBytes(of: frame.pointee.ping.opaque_data) {
        $0.loadUnaligned(as: UInt64.self)
      }
      delegate.controlFrameReceived(isAcknowledgement ? .pong(payload) : .ping(payload))
    case NGHTTP2_GOAWAY.rawValue:
      delegate.controlFrameReceived(
        .goAway(
          lastStream: frame.pointee.goaway.last_stream_id, code: frame.pointee.goaway.error_code))
    case NGHTTP2_RST_STREAM.rawValue:
      delegate.controlFrameReceived(
        .reset(stream: header.stream_id, code: frame.pointee.rst_stream.error_code))
    default:
      delegate.controlFrameReceived(.other)
    }
  }

  private static func sent(
    _ frame: UnsafePointer<nghttp2_frame>, _ delegate: HTTP2SessionDelegate
  ) {
    let header = frame.pointee.hd
    let endStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      delegate.frameSent(.headers(stream: header.stream_id, endStream: endStream))
    case NGHTTP2_DATA.rawValue:
      delegate.frameSent(.data(stream: header.stream_id, endStream: endStream))
    case NGHTTP2_RST_STREAM.rawValue:
      delegate.frameSent(
        .reset(stream: header.stream_id, code: frame.pointee.rst_stream.error_code))
    case NGHTTP2_GOAWAY.rawValue:
      delegate.frameSent(.goAway)
    default: break
    }
  }

  /// Calls `body` with the delegate behind nghttp2's user pointer.
  @inline(__always)
  private static func withDelegate(
    _ user: UnsafeMutableRawPointer, _ body: (HTTP2SessionDelegate) -> Void
  ) {
    Unmanaged<HTTP2SessionDelegate>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
  }
}
