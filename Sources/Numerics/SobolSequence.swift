// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// A scrambled Sobol sequence with random access.
///
/// Sobol points fill the unit cube evenly: of the first 2^m points every dyadic box of a suitable
/// shape holds the same number. The direction numbers are those of Joe and Kuo ("Constructing Sobol
/// sequences with better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008). Point n is
/// the XOR of the direction numbers at the set bits of n's Gray code (Antonov and Saleev, 1979), so
/// no state is carried from point to point.
///
/// Scrambled points are moved by a random lower triangular matrix and a random shift of the binary
/// digits (Matousek, "On the L2-discrepancy for anchored boxes", J. Complexity 14, 1998). That
/// keeps every evenness of the prefixes and removes what is bad about the plain sequence: its first
/// point in the corner and its patterns in high dimensions.
///
/// What surprises:
/// - Point 0 belongs to the sequence. Skipping it, or taking every other point, breaks the balance.
/// - The sequence proper has 32 digits; the shift has 53, so that coordinates of scrambled points
///   use the whole precision of a double and are never 0 (nor 1).
/// - From index 2^32 on the same points come again under another shift, chosen by the upper half
///   of the index; unscrambled they just repeat.
/// - Dimensions beyond 1024, for which no direction numbers are kept, are plain random numbers,
///   a function of seed and index.
public struct SobolSequence: Sendable {
  public let dimension: Int
  private let seed: UInt64
  private let isScrambled: Bool
  /// Direction numbers, `digits` of each dimension in a row, the scrambling matrix applied.
  private let directions: [UInt32]
  /// The digital shift of each dimension: 53 bits.
  private let shifts: [UInt64]

  private static let digits = 32
  /// Binary digits behind those of the sequence, which only the shift fills.
  private static let extraDigits = 53 - digits

  /// The scrambled sequence. Costs about 1 microsecond a dimension.
  /// - Parameters:
  ///   - dimension: the number of coordinates of a point, at least 0.
  ///   - seed: picks the scrambling. Dimension j is the same for every `dimension` > j.
  public init(dimension: Int, seed: UInt64) {
    self.init(dimension: dimension, seed: seed, isScrambled: true)
  }

  /// The plain sequence, for comparison with other implementations.
  public init(unscrambledDimension dimension: Int) {
    self.init(dimension: dimension, seed: 0, isScrambled: false)
  }

  private init(dimension: Int, seed: UInt64, isScrambled: Bool) {
    self.dimension = dimension
    self.seed = seed
    self.isScrambled = isScrambled
    let tabulated = min(dimension, SobolTable.dimensions)
    var directions: [UInt32] = []
    directions.reserveCapacity(tabulated * SobolSequence.digits)
    for j in 0..<tabulated {
      let plain = SobolSequence.directions(ofDimension: j)
      directions += isScrambled ? SobolSequence.scrambled(plain, dimension: j, seed: seed) : plain
    }
    self.directions = directions
    shifts = (0..<tabulated).map {
      isScrambled ? SobolSequence.shift(dimension: $0, seed: seed, epoch: 0) : 0
    }
  }

  /// Point `index`: `dimension` coordinates in [0, 1); scrambled ones in (0, 1) but for a chance
  /// of 2^-53.
  public func point(at index: UInt64) -> [Double] {
    let epoch = index >> UInt64(SobolSequence.digits)
    let low = UInt32(truncatingIfNeeded: index)
    let gray = low ^ (low >> 1)
    var point: [Double] = []
    point.reserveCapacity(dimension)
    for j in shifts.indices {
      var digits: UInt32 = 0
      var bits = gray
      while bits != 0 {
        digits ^= directions[j * SobolSequence.digits + bits.trailingZeroBitCount]
        bits &= bits - 1
      }
      let shift =
        epoch == 0 || !isScrambled
        ? shifts[j] : SobolSequence.shift(dimension: j, seed: seed, epoch: epoch)
      let shifted = UInt64(digits) << UInt64(SobolSequence.extraDigits) ^ shift
      point.append(Double(shifted) * 0x1p-53)
    }
    if dimension > shifts.count {
      var random = RandomSource(seed: seed, purpose: "sobol beyond the table", index: index)
      for _ in shifts.count..<dimension { point.append(random.uniform()) }
    }
    return point
  }

  // MARK: - Direction numbers

  /// V_1 ... V_32 of a dimension counted from 0.
  ///
  /// Joe and Kuo's recurrence: V_i = m_i 2^(32-i) for i <= s, then
  /// V_i = V_(i-s) ^ (V_(i-s) >> s) ^ a_1 V_(i-1) ^ ... ^ a_(s-1) V_(i-s+1).
  private static func directions(ofDimension dimension: Int) -> [UInt32] {
    guard dimension > 0 else { return (1...digits).map { 1 << (digits - $0) } }
    let record = SobolRecord(number: dimension - 1)
    let s = record.degree
    var v = record.initial.enumerated().map { $1 << UInt32(digits - 1 - $0) }
    for i in s..<digits {
      var next = v[i - s] ^ (v[i - s] >> UInt32(s))
      for k in 1..<max(s, 1) where record.coefficients >> UInt32(s - 1 - k) & 1 == 1 {
        next ^= v[i - k]
      }
      v.append(next)
    }
    return v
  }

  // MARK: - Scrambling

  /// The direction numbers multiplied by a random lower triangular matrix with a unit diagonal.
  ///
  /// A column for digit d (counted from the most significant) has a one at d and random bits
  /// behind it; the product is the XOR of the columns at the number's digits.
  private static func scrambled(_ plain: [UInt32], dimension: Int, seed: UInt64) -> [UInt32] {
    var random = RandomSource(seed: seed, purpose: "sobol scramble", index: UInt64(dimension))
    var columns = [UInt32](repeating: 0, count: digits)
    for pair in stride(from: 0, to: digits, by: 2) {
      let word = random.next()
      for (bit, half) in [(pair, word), (pair + 1, word >> 32)] {
        let one: UInt32 = 1 << UInt32(bit)
        columns[bit] = one | UInt32(truncatingIfNeeded: half) & (one - 1)
      }
    }
    return plain.map { number in
      var product: UInt32 = 0
      var bits = number
      while bits != 0 {
        product ^= columns[bits.trailingZeroBitCount]
        bits &= bits - 1
      }
      return product
    }
  }

  /// 53 random bits.
  private static func shift(dimension: Int, seed: UInt64, epoch: UInt64) -> UInt64 {
    var random = RandomSource(
      seed: seed, purpose: "sobol shift", index: epoch << 32 | UInt64(dimension))
    return random.next() >> 11
  }
}

/// One record of `SobolTable`, decoded.
private struct SobolRecord {
  /// s: the degree of the primitive polynomial.
  let degree: Int
  /// a: its coefficients without the first and the last, a_1 the most significant.
  let coefficients: UInt32
  /// m_1 ... m_s.
  let initial: [UInt32]

  init(number: Int) {
    var bits: UInt128 = 0
    let start = number * SobolTable.recordCharacters
    for i in start..<start + SobolTable.recordCharacters {
      let character = SobolTable.records.utf8Start[i]
      bits = bits << 6 | UInt128(character - UInt8(ascii: "0"))
    }
    var unread = 6 * SobolTable.recordCharacters
    func read(_ count: Int) -> UInt32 {
      unread -= count
      return UInt32(truncatingIfNeeded: bits >> UInt128(unread)) & ((1 << UInt32(count)) - 1)
    }
    degree = Int(read(4))
    coefficients = read(12)
    initial = (1...degree).map { read($0 - 1) << 1 | 1 }
  }
}
