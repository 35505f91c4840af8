// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import GRPC
internal import Histogram

/// What a run measured, for people and for programs.
struct LoadReport {
  let tally: LoadGenerator.Tally
  let elapsed: Duration

  var failures: Int { tally.failures.values.reduce(0) { $0 + $1.count } }

  /// Calls that were measured.
  var calls: Int { tally.succeeded + failures }

  /// Successes per second, of those that came in time.
  private var rate: Double { Double(tally.succeeded - tally.late) / seconds }

  private var seconds: Double { elapsed / .seconds(1) }

  private static let percentiles = [50.0, 90, 95, 99, 99.9]

  /// Milliseconds with three decimals.
  private static func milliseconds(_ microseconds: Double) -> String {
    let thousandths = Int(microseconds.rounded())
    return "\(thousandths / 1_000).\(String(1_000 + thousandths % 1_000).suffix(3))"
  }

  private static func rounded(_ value: Double) -> String {
    "\((value * 10).rounded() / 10)"
  }

  private func latency(_ percentile: Double) -> String {
    LoadReport.milliseconds(Double(tally.latencies.valueAtPercentile(percentile)))
  }

  var text: String {
    var lines = [
      "calls       \(tally.succeeded) succeeded, \(failures) failed in "
        + "\(LoadReport.rounded(seconds)) s",
      "rate        \(LoadReport.rounded(rate)) calls/s",
      "received    \(tally.bytes) message bytes",
    ]
    if tally.late > 0 {
      lines.insert("late        \(tally.late) of them, which the rate leaves out", at: 1)
    }
    if tally.succeeded > 0 {
      lines.append("latency     milliseconds")
      lines.append("  min       \(LoadReport.milliseconds(Double(tally.latencies.min)))")
      lines.append("  mean      \(LoadReport.milliseconds(tally.latencies.mean))")
      lines.append("  sd        \(LoadReport.milliseconds(tally.latencies.stdDeviation))")
      for percentile in LoadReport.percentiles {
        let name = "p\(LoadReport.name(percentile))"
        lines.append(
          "  \(name)\(String(repeating: " ", count: 10 - name.count))\(latency(percentile))")
      }
      lines.append("  max       \(LoadReport.milliseconds(Double(tally.latencies.max)))")
    }
    for (code, failure) in tally.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      lines.append("failed      \(failure.count) x \(code): \(failure.example)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A JSON string. The text is the server's.
  private static func quoted(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": literal += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }

  private static func name(_ percentile: Double) -> String {
    percentile == percentile.rounded() ? "\(Int(percentile))" : "\(percentile)"
  }

  var json: String {
    let failed = tally.failures.sorted { $0.key.rawValue < $1.key.rawValue }
    let errors = failed.map { "\"\($0.key)\": \($0.value.count)" }.joined(separator: ", ")
    let examples = failed.map { "\"\($0.key)\": \(LoadReport.quoted($0.value.example))" }
      .joined(separator: ", ")
    var latencies = ""
    if tally.succeeded > 0 {
      let rows =
        [("min", Double(tally.latencies.min)), ("mean", tally.latencies.mean)]
        + LoadReport.percentiles.map {
          ("p\(LoadReport.name($0))", Double(tally.latencies.valueAtPercentile($0)))
        } + [("max", Double(tally.latencies.max))]
      latencies = rows.map { "\"\($0.0)\": \(LoadReport.milliseconds($0.1))" }
        .joined(separator: ", ")
    }
    return """
      {"seconds": \(seconds), "succeeded": \(tally.succeeded), "failed": \(failures), \
      "late": \(tally.late), "callsPerSecond": \(rate), "bytes": \(tally.bytes), \
      "latencyMilliseconds": {\(latencies)}, "errors": {\(errors)}, \
      "errorExamples": {\(examples)}}

      """
  }
}
