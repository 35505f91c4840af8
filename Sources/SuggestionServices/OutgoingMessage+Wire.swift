// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import GRPC
internal import KatibAPI

extension OutgoingMessage {
  /// Packs `message` straight behind the 5-byte prefix.
  init(_ message: some WireEncodable, using arenas: ArenaPool) throws {
    let size = try message.packedSize(using: arenas)
    var failure: WireError?
    self.init(byteCount: size) { buffer in
      do throws(WireError) {
        try message.pack(into: buffer, using: arenas)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
