// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import CKatibProto

/// "Stop the trial as soon as this metric compares like that with this value."
public struct EarlyStoppingRule: Sendable, Equatable {
  public enum Comparison: Int, Sendable {
    case unknown = 0
    case equal = 1
    case less = 2
    case greater = 3
  }

  public var metricName: String
  /// The threshold, as text.
  public var value: String
  public var comparison: Comparison
  /// How many measurements must have been seen before the rule counts.
  public var startStep: Int

  public init(metricName: String, value: String, comparison: Comparison, startStep: Int) {
    self.metricName = metricName
    self.value = value
    self.comparison = comparison
    self.startStep = startStep
  }

  init(_ message: C.EarlyStoppingRule) {
    self.init(
      metricName: string(message.name), value: string(message.value),
      comparison: Comparison(rawValue: message.comparison.number) ?? .unknown,
      startStep: Int(message.start_step))
  }
}

extension Arena {
  /// The rules as a repeated field.
  func rules(
    _ rules: [EarlyStoppingRule]
  ) throws(WireError) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<C.EarlyStoppingRule>?>?) {
    try array(rules) { rule throws(WireError) -> UnsafeMutablePointer<C.EarlyStoppingRule>? in
      let message = try make(C.EarlyStoppingRule.self)
      message.pointee.name = try text(rule.metricName)
      message.pointee.value = try text(rule.value)
      message.pointee.comparison.number = rule.comparison.rawValue
      message.pointee.start_step = Int32(clamping: rule.startStep)
      return message
    }
  }
}
