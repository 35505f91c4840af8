// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// Turns slots into suggestions: values, resource, name, and the record of what was issued.
struct ConfigurationWriter {
  private let request: SuggestionRequest
  private let ledger: RungLedger
  private let schedule: HyperbandSchedule
  private let resource: Int?
  private let model: ModelSpace
  private let rows: ConfigurationRows

  init(
    _ request: SuggestionRequest, ledger: RungLedger, schedule: HyperbandSchedule, resource: Int?
  ) {
    self.request = request
    self.ledger = ledger
    self.schedule = schedule
    self.resource = resource
    model = ModelSpace(request.space, without: resource)
    rows = ledger.rows
  }

  /// - Parameters:
  ///   - slots: what is to be issued, each with the index of the issue.
  ///   - initial: readings of the user's own points, for the first slots.
  func reply(
    _ slots: [(slot: RungSlot, index: Int)], initial: [[Double]],
    sampler: BaseConfigurations.Sampler
  ) throws -> SuggestionReply {
    let drawn = slots.dropFirst(initial.count).filter {
      if case .base = $0.slot { true } else { false }
    }
    var points = try BaseConfigurations(request, ledger, model: model, sampler: sampler).points(
      indices: drawn.map(\.index),
      others: initial.compactMap { readings in model.point(readings: { readings[$0] }) }
    ).makeIterator()
    var open = ledger.open
    let naming = TrialNaming(request)
    var suggestions: [Suggestion] = []
    suggestions.reserveCapacity(slots.count)
    for (i, (slot, index)) in slots.enumerated() {
      let readings: [Double]
      var number: Int?
      var begun: [Double]?
      switch slot {
      case .base(let base, _):
        begun =
          i < initial.count ? model.point(readings: { initial[i][$0] }) : points.next()
        readings = i < initial.count ? initial[i] : model.readings(begun ?? [])
        number = base <= RungTag.largestNumber ? base : nil
      case .promotion(let configuration, _):
        readings = self.readings(ofConfiguration: configuration)
        number = ledger.configurations[configuration].number
      }
      let tag = RungTag(number: number, level: slot.level)
      // A larger index makes a name that reads back as a stranger's.
      if index <= TrialNaming.largestIndex {
        let identity: ConfigurationIdentity =
          number.map { .number($0) } ?? .values(rows.hash(readings: readings))
        let point = begun.map { PointText.text($0, axes: model.axes) } ?? ""
        open.add(
          OpenIssues.Issue(index: index, identity: identity, level: slot.level, point: point))
      }
      suggestions.append(
        Suggestion(
          assignments: assignments(readings, level: slot.level),
          trialName: naming.name(index: index, detail: tag.detail)))
    }
    var reply = SuggestionReply(suggestions: suggestions)
    let name = HyperbandSearch.openIssues.row.name
    reply.settings = [SettingText(name: name, value: open.text)]
    return reply
  }

  private func readings(ofConfiguration configuration: Int) -> [Double] {
    guard let source = ledger.configurations[configuration].source else { return [] }
    return zip(request.space.parameters, request.history.readings(ofTrial: source)).map {
      $0.nearest(reading: $1)
    }
  }

  private func assignments(_ readings: [Double], level: Int) -> [Assignment] {
    request.space.parameters.enumerated().map { i, parameter in
      let text =
        i == resource ? schedule.text(level: level) : parameter.text(ofReading: readings[i])
      return Assignment(name: parameter.name, value: text)
    }
  }
}
