// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// A point of the model space as a short text, for the record of open issues (`OpenIssues`).
///
/// One number in base 36 for each axis: the index of a value, or the step of a continuous axis that
/// is nearest.
///
///     7.0.zzzz     value 7, category 0, u = 1
enum PointText {
  /// The last step of a continuous axis, in four characters. A model's kernels are as wide as some
  /// hundredths of an axis, and no continuous value comes up twice by itself, so nobody misses the
  /// other digits. The ends of an axis, where values do coincide, are exact.
  private static let lastStep = 36.0 * 36 * 36 * 36 - 1
  private static let separator = "."

  static func text(_ point: [Double], axes: [Axis]) -> String {
    zip(axes, point).map { axis, entry in
      // Bounds are for the conversion alone, which traps: an engine's point is feasible.
      let last = axis.count.map { Double($0 - 1) } ?? lastStep
      let number = axis.count == nil ? (entry * lastStep).rounded() : entry
      return String(number > 0 ? Int(min(number, last)) : 0, radix: 36)
    }.joined(separator: separator)
  }

  /// nil for a text that is none of a point of this space.
  static func point(_ text: String, axes: [Axis]) -> [Double]? {
    let numbers = text.split(separator: separator, omittingEmptySubsequences: false)
      .map { Int($0, radix: 36) }
    guard numbers.count == axes.count else { return nil }
    var point: [Double] = []
    point.reserveCapacity(axes.count)
    for (axis, number) in zip(axes, numbers) {
      guard let number, number >= 0 else { return nil }
      if let count = axis.count {
        guard number < count else { return nil }
        point.append(Double(number))
      } else {
        guard Double(number) <= lastStep else { return nil }
        point.append(Double(number) / lastStep)
      }
    }
    return point
  }
}
