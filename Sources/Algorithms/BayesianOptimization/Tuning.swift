/// Scratch switches for ablations.
struct Tuning: Sendable {
  nonisolated(unsafe) static var current = Tuning()
  var signalDeviation = 0.7
  var values: [String: Double] = [:]
  func callAsFunction(_ name: String, _ fallback: Double) -> Double { values[name] ?? fallback }
}
