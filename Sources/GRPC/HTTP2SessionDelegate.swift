// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// What a session reports, for subclasses to act on. All of it is called from within `receive` and
/// `nextOutput`: record, decide and submit, but do not receive or send.
///
/// What surprises: this is a class, where a protocol would do. nghttp2 hands back a plain pointer,
/// and through a class it can be used without counting references: some thirty times per call.
class HTTP2SessionDelegate {
  /// A header block begins: a request or response, or (`isTrailers`) what ends one.
  func headersBegan(stream: Int32, isTrailers: Bool) {}

  /// One field of the block, with a valid name and value.
  /// - Returns: false to end the session, in the middle of the block.
  func headerField(
    stream: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool { true }

  /// A field of the block whose name or value is not valid. It is left out, but has taken more work
  /// than others.
  /// - Returns: false to end the session, in the middle of the block.
  func headerFieldDropped(nameBytes: Int, valueBytes: Int) -> Bool { true }

  /// The block is complete.
  func headersEnded(stream: Int32, endStream: Bool) {}

  /// Bytes of a DATA frame.
  func dataReceived(stream: Int32, _ bytes: UnsafeRawBufferPointer) {}

  /// A DATA frame is complete.
  func dataFrameEnded(stream: Int32, endStream: Bool) {}

  /// A frame that carries no part of a message.
  func controlFrameReceived(_ frame: ControlFrame) {}

  /// A frame that breaks the protocol. The session answers it by itself.
  func invalidFrameReceived() {}

  func frameSent(_ frame: SentFrame) {}

  /// The stream is gone. No frame may be submitted for it from here on.
  func streamClosed(stream: Int32, code: UInt32) {}

  /// Writes the next bytes of the body.
  func provideBody(stream: Int32, into target: UnsafeMutableRawBufferPointer) -> BodyStep {
    .ended(0)
  }
}

enum ControlFrame: Equatable {
  case settings
  case settingsAcknowledged
  case ping(UInt64)
  case pong(UInt64)
  case goAway(lastStream: Int32, code: UInt32)
  case reset(stream: Int32, code: UInt32)
  /// PRIORITY and WINDOW_UPDATE. Frames of unknown types are not reported.
  case other
}

enum SentFrame: Equatable {
  case headers(stream: Int32, endStream: Bool)
  case data(stream: Int32, endStream: Bool)
  case reset(stream: Int32, code: UInt32)
  case goAway
}

enum BodyStep: Equatable {
  /// As many bytes were written, and there may be more.
  case wrote(Int)
  /// As many bytes were written, the last ones; trailers were submitted and end the stream.
  case endedBeforeTrailers(Int)
  /// As many bytes were written, the last ones; they end the stream.
  case ended(Int)
  /// There is nothing to send until `resume`.
  case paused
}
