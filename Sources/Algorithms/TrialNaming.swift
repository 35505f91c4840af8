// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// State that rides in trial names.
///
/// A reply may choose the names of its trials, and Katib sends them back with every later request,
/// to any replica: for what the assignments cannot tell (which issue was this, whose child is it)
/// the name is the place. A name is `<experiment>-` and eleven characters of base 36. Read as one
/// number they hold, from the most significant end:
///
///     index    15 bits   the number of the issue, so that names sort in the order of issue
///     detail   20 bits   what the algorithm adds
///     check    21.9 bits a hash of namespace, Experiment, seed, index and detail
///
/// 36^11 is 2^56.87: `checks` uses up what index and detail leave. A name that somebody else chose
/// passes for ours once in 3.8 million, and only if it has our prefix and exactly eleven characters
/// behind it (Katib's own names have eight). The namespace is in the hash because the controller
/// also shows the trials of a same-named Experiment in another namespace, and because the DB
/// manager keeps observation logs by trial name alone, across namespaces.
///
/// The layouts of `detail`:
///
///     hyperband, asha  base configuration 15, rung 5
///     pbt              parent 15, generation modulo 32 5
///     tpe, multivariate-tpe, bayesianoptimization, cmaes, grid; random and sobol in finite spaces
///                      a digest of the history (`IssueNames`)
///
/// An algorithm that fills `detail` with what it must read back may ask for *variants*: the check
/// is then split into a variant, which decoding passes over, and a hash that is shorter by as
/// much. So one index can have many names that mean the same.
///
/// What surprises: an index above `largestIndex` does not fail. It gets a name that decodes to
/// nothing, and the trial is then understood like one of another image: 32,768 suggestions are more
/// than twice what a Suggestion object can hold in etcd.
struct TrialNaming: Sendable {
  /// What a name carries.
  struct Tag: Hashable, Sendable {
    var index: Int
    var detail: UInt32
  }

  static let largestIndex = (1 << 15) - 1
  static let detailBits: UInt64 = 20
  /// The characters behind the hyphen.
  static let suffixLength = 11
  /// The longest prefix: with the hyphen and the suffix a name has at most 52 characters, which
  /// the names of the trial's job and pods still allow.
  static let longestPrefix = 40

  /// 36^11.
  private static let capacity: UInt64 = 131_621_703_842_267_136
  /// The number of different check values: ⌊36^11 / 2^35⌋.
  static let checks = capacity >> (15 + detailBits)

  private let prefix: [UInt8]
  private let key: UInt64
  /// The number of different hashes: `checks` divided by the number of variants.
  private let hashes: UInt64

  /// - Parameter variants: how many names an index and a detail can have.
  init(experiment: String, namespace: String, seed: UInt64, variants: UInt64 = 1) {
    hashes = TrialNaming.checks / variants
    prefix = TrialNaming.prefix(experiment)
    var key = RandomSource.mix(seed)
    for byte in namespace.utf8 { key = RandomSource.mix(key ^ UInt64(byte)) }
    // A byte that no text holds, so that ("a", "bc") and ("ab", "c") differ.
    key = RandomSource.mix(key ^ 0xff)
    for byte in experiment.utf8 { key = RandomSource.mix(key ^ UInt64(byte)) }
    self.key = key
  }

  init(_ request: SuggestionRequest, variants: UInt64 = 1) {
    self.init(
      experiment: request.experiment.name, namespace: request.namespace, seed: request.seed,
      variants: variants)
  }

  /// The name of issue `index`: a DNS-1123 label of at most 52 characters.
  /// - Parameters:
  ///   - detail: at most 20 bits; more are cut off.
  ///   - variant: any number; taken modulo the number of variants.
  func name(index: Int, detail: UInt32 = 0, variant: UInt64 = 0) -> String {
    let variant = variant % (TrialNaming.checks / hashes)
    var value: UInt64
    if index >= 0, index <= TrialNaming.largestIndex {
      let payload = TrialNaming.payload(index, detail)
      value = payload * TrialNaming.checks + variant * hashes + hash(payload)
    } else {
      let hash = RandomSource.mix(key ^ UInt64(bitPattern: Int64(index)))
      value =
        RandomSource.mix(hash ^ (UInt64(detail) | variant << 32)) % TrialNaming.capacity
    }
    var suffix = [UInt8](repeating: 0, count: TrialNaming.suffixLength)
    for i in suffix.indices.reversed() {
      let digit = UInt8(value % 36)
      suffix[i] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      value /= 36
    }
    return String(decoding: prefix + suffix, as: UTF8.self)
  }

  /// What `name` carries, or nil when this Experiment's service did not choose it.
  func decode(_ name: String) -> Tag? {
    var name = name
    return name.withUTF8 { bytes in
      guard bytes.count == prefix.count + TrialNaming.suffixLength, bytes.starts(with: prefix)
      else { return nil }
      var value: UInt64 = 0
      for byte in bytes[prefix.count...] {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          value = value * 36 + UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"):
          value = value * 36 + UInt64(byte - UInt8(ascii: "a") + 10)
        default: return nil
        }
      }
      let payload = value / TrialNaming.checks
      guard payload >> (15 + TrialNaming.detailBits) == 0,
        value % TrialNaming.checks % hashes == hash(payload)
      else { return nil }
      return Tag(
        index: Int(payload >> TrialNaming.detailBits),
        detail: UInt32(payload & ((1 << TrialNaming.detailBits) - 1)))
    }
  }

  /// The tags of a whole history, trial by trial.
  func tags(_ history: History) -> [Tag?] { history.names.map { decode($0) } }

  /// How many trials without a tag can be this Experiment's own: initial points, and trials of another
  /// image that served it before. They came before the first that has a tag, or are those of indices that
  /// no name can carry.
  static func roomForOthers(beside tags: [Tag?], position: Int) -> Int {
    let known = tags.lazy.compactMap { $0?.index }
    guard let first = known.min() else { return max(0, position) }
    let beyond = max(0, position - largestIndex - 1)
    return max(0, min(position - known.count, first + beyond))
  }

  private static func payload(_ index: Int, _ detail: UInt32) -> UInt64 {
    UInt64(index) << detailBits | UInt64(detail) & ((1 << detailBits) - 1)
  }

  private func hash(_ payload: UInt64) -> UInt64 {
    RandomSource.mix(key ^ RandomSource.mix(payload)) % hashes
  }

  /// The Experiment's name and a hyphen. Katib admits DNS-1123 labels of up to 40 characters; for
  /// whatever else arrives the name is made one, since refusing would leave the Experiment stuck.
  private static func prefix(_ experiment: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for byte in experiment.utf8 where bytes.count < longestPrefix {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
        bytes.append(byte)
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte | 0x20)
      default:
        // A label may not begin with a hyphen.
        if !bytes.isEmpty { bytes.append(UInt8(ascii: "-")) }
      }
    }
    return (bytes.isEmpty ? Array("trial".utf8) : bytes) + [UInt8(ascii: "-")]
  }
}

/// Hands out issue indices, from the request's position on, none twice.
///
/// Position and index are the same thing until Katib lowers the parallelism: then it deletes the
/// newest trials, the position falls, and trials above it may still be there. An index that
/// stands in the history (or is known to be on its way) is passed over, so no name can clash.
struct IssueIndices {
  private var taken: Set<Int>
  private var nextIndex: Int

  init(position: Int, taken: some Sequence<Int>) {
    self.taken = Set(taken)
    nextIndex = position
  }

  mutating func next() -> Int {
    while taken.contains(nextIndex) { nextIndex += 1 }
    defer { nextIndex += 1 }
    return nextIndex
  }
}
