// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import KatibAPI

extension OutgoingMessage {
  /// Packs `message` straight behind the 5-byte prefix.
  /// - Parameters:
  ///   - budget: what a large message is counted against; nil for small ones.
  ///   - context: of the call that it answers.
  package init(
    _ message: some WireEncodable, using arenas: ArenaPool, budget: MemoryBudget? = nil,
    for context: CallContext? = nil
  ) throws {
    var made: OutgoingMessage?
    var size = 0
    try message.encode(using: arenas) { bytes, fill in
      size = bytes
      if let budget, bytes > ServiceLimits.uncountedReplyBytes {
        made = OutgoingMessage(byteCount: bytes, budget: budget, for: context, fill: fill)
      } else {
        made = OutgoingMessage(byteCount: bytes, fill: fill)
      }
    }
    guard let made else {
      throw Status(.resourceExhausted, "no memory for a reply of \(size) bytes")
    }
    self = made
  }
}
