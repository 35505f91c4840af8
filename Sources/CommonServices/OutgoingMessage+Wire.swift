// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

package import GRPC
package import KatibAPI

extension OutgoingMessage {
  /// Packs `message` straight behind the 5-byte prefix.
  /// - Parameter budget: what a large message is counted against; nil for small ones.
  package init(
    _ message: some WireEncodable, using arenas: ArenaPool, budget: MemoryBudget? = nil
  ) throws {
    let size = try message.packedSize(using: arenas)
    var failure: WireError?
    func fill(_ buffer: UnsafeMutableRawBufferPointer) {
      do throws(WireError) {
        try message.pack(into: buffer, using: arenas)
      } catch {
        failure = error
      }
    }
    if let budget, size > ServiceLimits.uncountedReplyBytes {
      guard let counted = OutgoingMessage(byteCount: size, budget: budget, fill: fill) else {
        throw Status(.resourceExhausted, "no memory for a reply of \(size) bytes")
      }
      self = counted
    } else {
      self.init(byteCount: size, fill: fill)
    }
    if let failure { throw failure }
  }
}
