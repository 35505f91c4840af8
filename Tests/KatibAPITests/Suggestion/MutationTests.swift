// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import ExperimentModel
import Testing

@testable import KatibAPI

/// Requests that were damaged on their way, or by somebody.
@Suite struct MutationTests {
  /// Cuts, flips, inserts, repeats and swaps bytes of a message.
  private func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0...6, using: &random) {
      case 0: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
      case 3: bytes.remove(at: at)
      case 4: bytes.removeSubrange(at...)
      case 5:
        let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
        bytes.insert(contentsOf: bytes[at..<end], at: at)
      default: bytes[at] = [0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x0c].randomElement(using: &random) ?? 0
      }
    }
    return bytes
  }

  @Test(arguments: UInt64(1)...20)
  func damagedRequestsDecodeOrFailCleanly(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var messages = RandomMessages(seed: seed)
    let arenas = ArenaPool()
    var refused = 0
    var original: [UInt8] = []
    for round in 0..<1000 {
      if round.isMultiple(of: 10) { original = try messages.request().packed(using: arenas) }
      let bytes = mutate(original, &random)
      do {
        let decoded = try DecodedRequest(bytes, using: arenas)
        if decoded.history.count != decoded.query.trialCount {
          Issue.record("seed \(seed), round \(round): a trial was lost")
        }
      } catch is WireError {
        refused += 1
      } catch is InvalidExperiment {
        continue
      }
    }
    #expect(refused > 100 && refused < 1000, "seed \(seed): \(refused) refused")
  }

  /// What we read after removing the unknown is what we read anyway.
  @Test(arguments: UInt64(1)...20)
  func strangeFieldsChangeNothing(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var messages = RandomMessages(seed: seed)
    let arenas = ArenaPool()
    let strange: [[UInt8]] = [
      Wire.number(100, 5), Wire.text(101, "later"), Wire.tag(102, 3) + Wire.tag(102, 4),
      Wire.tag(103, 1) + [UInt8](repeating: 7, count: 8), Wire.tag(104, 5) + [1, 2, 3, 4],
      Wire.tag(1, 5) + [1, 2, 3, 4],
    ]
    for _ in 0..<20 {
      let request = messages.request()
      let plain = try request.packed(using: arenas)
      var decorated: [UInt8] = []
      func decorate() { decorated += strange.randomElement(using: &random) ?? [] }
      decorate()
      try reading(plain) { cursor in
        while !cursor.isAtEnd {
          let start = cursor.position
          let (field, type) = try cursor.tag()
          if type == .lengthDelimited {
            // One level further in as well.
            let payload = Array(try cursor.payload())
            decorated += Wire.payload(
              field, (strange.randomElement(using: &random) ?? []) + payload)
          } else {
            try cursor.skip(field: field, type)
            decorated += plain[start..<cursor.position]
          }
          decorate()
        }
      }
      let (a, b) = (try DecodedRequest(plain), try DecodedRequest(decorated))
      #expect(expectedFields(a.query.experiment) == expectedFields(b.query.experiment))
      #expect("\(a.history)" == "\(b.history)", "seed \(seed)")
    }
  }

  @Test func everyDecoderSurvivesNoise() {
    let seed: UInt64 = 5
    var random = SeededRandom(seed)
    let arenas = ArenaPool()
    let decoders: [([UInt8]) throws -> Void] = [
      { _ = try GetSuggestionsReply(decoding: $0, using: arenas) },
      { _ = try ValidateAlgorithmSettingsRequest(decoding: $0, using: arenas) },
      { _ = try HealthCheckRequest(decoding: $0, using: arenas) },
      { _ = try HealthCheckResponse(decoding: $0, using: arenas) },
      { _ = try ReflectionRequest(decoding: $0, using: arenas) },
      { _ = try ReflectionResponse(decoding: $0, using: arenas) },
      { _ = try EarlyStoppingQuery(decoding: $0, using: arenas) },
      { _ = try GetEarlyStoppingRulesReply(decoding: $0, using: arenas) },
      { _ = try GetObservationLogReply(decoding: $0, using: arenas) },
      { _ = try EmptyReply(decoding: $0, using: arenas) },
    ]
    var fine = 0
    for round in 0..<2000 {
      // Half noise, half noise behind plausible tags.
      let bytes = (0..<Int.random(in: 0...30, using: &random)).map { _ in
        Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random)
          : [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x3a, 0x08, 0x02, 0x00].randomElement(using: &random)
            ?? 0
      }
      for (i, decode) in decoders.enumerated() {
        do {
          try decode(bytes)
          fine += 1
        } catch {
          if !(error is WireError) {
            Issue.record("seed \(seed), round \(round), decoder \(i): \(error)")
          }
        }
      }
    }
    #expect(fine > 100)
  }
}
