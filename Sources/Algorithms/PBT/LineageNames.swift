// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Descent, written into trial names and read back.
///
/// A name carries its own issue index, the reference to its parent and its generation modulo 32
/// (see `TrialNaming`, whose layout this is). A reference has 15 bits:
///
///     below 2^14   the issue index of the parent
///     from 2^14    14 bits of a hash of the parent's name, where the name carries no such index:
///                  it is another image's, or its index is larger than any controller reaches
///     own index    no parent: the trial began from nothing
///
/// What surprises: one issue has many names. When Katib lowers the parallelism it deletes the
/// newest trials and asks for their indices again, while a trial of a higher index may live on
/// unseen (its metrics are unavailable). Descent leaves no bit to spare, so a digest of the position and
/// the history picks one of 256 variants of a name: a name that is taken without showing is hit once in 256 of
/// those cases, and the same request still gets the same names.
struct LineageNames {
  /// Where a trial's checkpoint came from.
  enum Origin: Hashable, Sendable {
    /// From nothing.
    case new
    /// The trial of this issue.
    case issue(Int)
    /// The trial whose name has this hash.
    case foreign(UInt32)
  }

  /// What a name tells.
  struct Tag: Sendable {
    var index: Int
    var origin: Origin
    /// 0 ..< 32.
    var generationModulo: Int
  }

  static let generationModulus = 32
  private static let variants: UInt64 = 256
  private static let foreignBit: UInt32 = 1 << 14

  private let naming: TrialNaming
  private let variant: UInt64

  init(_ request: SuggestionRequest) {
    naming = TrialNaming(request, variants: LineageNames.variants)
    variant = LineageNames.digest(request.history, position: request.position)
  }

  /// The name of issue `index`.
  func name(index: Int, origin: Origin, generation: Int) -> String {
    let reference =
      switch origin {
      case .new: UInt32(truncatingIfNeeded: index)
      case .issue(let parent): UInt32(truncatingIfNeeded: parent)
      case .foreign(let hash): LineageNames.foreignBit | hash
      }
    let detail =
      (reference & 0x7fff) << 5
      | UInt32(truncatingIfNeeded: generation % LineageNames.generationModulus)
    return naming.name(index: index, detail: detail, variant: variant)
  }

  /// What `name` tells, or nil when it tells nothing.
  func tag(_ name: String) -> Tag? {
    guard let tag = naming.decode(name) else { return nil }
    let reference = tag.detail >> 5
    let origin: Origin =
      if reference == UInt32(truncatingIfNeeded: tag.index) {
        .new
      } else if reference < LineageNames.foreignBit {
        .issue(Int(reference))
      } else {
        .foreign(reference ^ LineageNames.foreignBit)
      }
    return Tag(
      index: tag.index, origin: origin,
      generationModulo: Int(tag.detail) % LineageNames.generationModulus)
  }

  /// How children refer to a trial.
  static func origin(ofChildrenOf name: String, tag: Tag?) -> Origin {
    if let tag, tag.index < Int(foreignBit) { return .issue(tag.index) }
    return .foreign(hash(name))
  }

  /// 14 bits.
  private static func hash(_ name: String) -> UInt32 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return UInt32(truncatingIfNeeded: RandomSource.mix(hash)) & (foreignBit - 1)
  }

  /// A digest of the trials that the history shows and of their states, and of the position: trials may
  /// come and go without ever being seen.
  private static func digest(_ history: History, position: Int) -> UInt64 {
    var digest = RandomSource.mix(UInt64(position))
    for trial in 0..<history.count {
      var hash = RandomSource.mix(digest ^ UInt64(history.conditions[trial].rawValue))
      for byte in history.names[trial].utf8 {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
      }
      digest = hash
    }
    return RandomSource.mix(digest)
  }
}
