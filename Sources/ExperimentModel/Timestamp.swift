// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Katib's times, `2006-01-02T15:04:05Z`, as seconds since 1970.
///
/// Their resolution is one second, so ties are common; unset times are empty or year 1.
public enum Timestamp {
  /// nil for an unset or unreadable time. A fraction of a second is accepted and dropped, an
  /// offset such as `+02:00` is applied.
  public static func seconds(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    parse(text)?.seconds
  }

  /// The same with its fraction, in nanoseconds since 1970, held at the ends of Int64 (the years
  /// 1677 and 2262). Digits past the ninth are dropped.
  public static func nanoseconds(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard let (seconds, nanoseconds) = parse(text) else { return nil }
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carry) = scaled.addingReportingOverflow(Int64(nanoseconds))
    return carry ? .max : sum
  }

  private static func parse(
    _ text: UnsafeBufferPointer<UInt8>
  ) -> (seconds: Int64, nanoseconds: Int)? {
    guard text.count >= 20, text[4] == 0x2d, text[7] == 0x2d, text[10] | 0x20 == 0x74,
      text[13] == 0x3a, text[16] == 0x3a,
      let year = number(text, 0..<4), let month = number(text, 5..<7),
      let day = number(text, 8..<10), let hour = number(text, 11..<13),
      let minute = number(text, 14..<16), let second = number(text, 17..<19),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60,
      year > 1
    else { return nil }
    var i = 19
    var nanoseconds = 0
    if text[i] == 0x2e {
      i += 1
      var place = 100_000_000
      while i < text.count, text[i] >= 0x30, text[i] <= 0x39 {
        nanoseconds += Int(text[i] - 0x30) * place
        place /= 10
        i += 1
      }
    }
    guard i < text.count, let offset = offset(text, from: i) else { return nil }
    let days = daysSince1970(year: year, month: month, day: day)
    return (Int64(days * 86_400 + hour * 3_600 + minute * 60 + second - offset), nanoseconds)
  }

  public static func seconds(_ text: String) -> Int64? {
    var text = text
    return text.withUTF8 { seconds($0) }
  }

  private static func number(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    var value = 0
    for i in range {
      guard text[i] >= 0x30, text[i] <= 0x39 else { return nil }
      value = value * 10 + Int(text[i] - 0x30)
    }
    return value
  }

  /// Seconds east of Greenwich.
  private static func offset(_ text: UnsafeBufferPointer<UInt8>, from i: Int) -> Int? {
    if text[i] | 0x20 == 0x7a { return i + 1 == text.count ? 0 : nil }
    guard text.count == i + 6, text[i] == 0x2b || text[i] == 0x2d, text[i + 3] == 0x3a,
      let hours = number(text, i + 1..<i + 3), let minutes = number(text, i + 4..<i + 6)
    else { return nil }
    return (text[i] == 0x2b ? 1 : -1) * (hours * 3_600 + minutes * 60)
  }

  /// Days of the proleptic Gregorian calendar, counted in years that begin in March so that the
  /// leap day comes last.
  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }
}
