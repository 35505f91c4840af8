// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

public struct GridAxis: Sendable, Equatable {
  public let count: Int
  public var edges: [Double]?
  public init(count: Int) { self.count = count }
  public init(edges: [Double]) { self.count = edges.count - 1; self.edges = edges }
  public func center(_ k: Int) -> Double {
    let c = cell(k)
    return 0.5 * (c.lower + c.upper)
  }
  public func cell(_ k: Int) -> (lower: Double, upper: Double) {
    if let edges { return (edges[k], edges[k + 1]) }
    return (Double(k) / Double(count), Double(k + 1) / Double(count))
  }
  public func index(at u: Double) -> Int {
    if let edges {
      var low = 0
      var high = count - 1
      while low < high {
        let mid = (low + high + 1) / 2
        if edges[mid] <= u { low = mid } else { high = mid - 1 }
      }
      return low
    }
    return min(max(Int(u * Double(count)), 0), count - 1)
  }
}

public enum Axis: Sendable, Equatable {
  case continuous
  case grid(GridAxis)
  case categorical(count: Int)
}
