// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel
internal import Numerics

/// Makes the trials of one reply, one after another: step, hyperparameters, name.
struct Breeding {
  /// A trial to be.
  struct Offspring {
    var name: String
    var generation: Int
    /// The trial whose checkpoint it begins from; nil when it begins from nothing.
    var parentName: String?
    /// One for each parameter.
    var readings: [Double]
  }

  /// One parent's children with the same hyperparameters would train the same model twice.
  private struct Child: Hashable {
    var parent: Int
    var point: PointKey
  }

  /// Draws of a child before a repetition is accepted: a small space may have no other.
  private static let redraws = 8
  /// Draws of a new member before a finite space is walked instead.
  private static let newcomerRedraws = 30

  private let request: SuggestionRequest
  private let names: LineageNames
  private let population: Population
  private let exploration: Exploration
  private var succession: Succession
  private var indices: IssueIndices
  private var children: Set<Child> = []
  private var seen: SeenPoints

  init(
    _ request: SuggestionRequest, size: Int, threshold: Double, resampleProbability: Double?
  ) {
    self.request = request
    names = LineageNames(request)
    population = Population(request, names: names, size: size)
    let points = request.space.keys(request.history)
    let ignoresFailures = request.settings[CommonSettings.failedTrials] == .ignore
    succession = Succession(
      population, Selection(population, size: size, threshold: threshold), points: points,
      size: size, attempts: ignoresFailures ? nil : Succession.attempts)
    exploration = Exploration(space: request.space, resampleProbability: resampleProbability)
    indices = IssueIndices(
      position: request.position, taken: population.tags.compactMap { $0?.index })
    seen = SeenPoints(space: request.space, keys: Set(points))
    for (trial, parent) in population.parents.enumerated() {
      if let parent { children.insert(Child(parent: parent, point: points[trial])) }
    }
  }

  /// - Parameter initialPoint: readings that the next trial must have.
  mutating func next(initialPoint: [Double]?) -> Offspring {
    let index = indices.next()
    var random = RandomSource(seed: request.seed, purpose: "pbt", index: UInt64(index))
    if let initialPoint {
      succession.addNewMember()
      seen.insert(
        zip(request.space.parameters, initialPoint).map { $0.coordinate(ofReading: $1) })
      return offspring(index, .new, generation: 0, parent: nil, initialPoint)
    }
    switch succession.next(using: &random) {
    case .new:
      return offspring(index, .new, generation: 0, parent: nil, newcomer(using: &random))
    case .again(let trial):
      let parent = population.parents[trial]
      return offspring(
        index, population.tags[trial]?.origin ?? .new,
        generation: population.generations[trial] ?? 0, parent: parent,
        exploration.copy(of: request.history.readings(ofTrial: trial), using: &random))
    case .child(let parent, let generation):
      let origin = LineageNames.origin(
        ofChildrenOf: request.history.names[parent], tag: population.tags[parent])
      return offspring(
        index, origin, generation: generation, parent: parent, child(of: parent, using: &random))
    }
  }

  private func offspring(
    _ index: Int, _ origin: LineageNames.Origin, generation: Int, parent: Int?,
    _ readings: [Double]
  ) -> Offspring {
    Offspring(
      name: names.name(index: index, origin: origin, generation: generation),
      generation: generation, parentName: parent.map { request.history.names[$0] },
      readings: readings)
  }

  private mutating func child(of parent: Int, using random: inout RandomSource) -> [Double] {
    let readings = request.history.readings(ofTrial: parent)
    var child: [Double] = []
    for _ in 0..<Breeding.redraws {
      child = exploration.child(of: readings, using: &random)
      let key = Child(parent: parent, point: request.space.key(readings: child))
      if children.insert(key).inserted { break }
    }
    return child
  }

  /// Like random search: a point that the history does not hold, while there is one.
  private mutating func newcomer(using random: inout RandomSource) -> [Double] {
    let first = exploration.newcomer(using: &random)
    var point = first
    var redraws = 0
    while seen.contains(point), redraws < Breeding.newcomerRedraws, !seen.isExhausted {
      point = exploration.newcomer(using: &random)
      redraws += 1
    }
    if seen.contains(point) { point = seen.firstUnseen(from: point) ?? first }
    seen.insert(point)
    return zip(request.space.parameters, point).map { $0.reading(ofCoordinate: $1) }
  }
}
