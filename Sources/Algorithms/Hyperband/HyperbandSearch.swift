// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// `hyperband` and `asha`: many configurations on little resource, the best of them on more.
///
/// A request goes through four steps, a file each: the arithmetic of the brackets
/// (`HyperbandSchedule`), what became of every configuration (`RungLedger`), what is to be issued
/// next (`BracketTable` or `AsynchronousHalving`), and the values of new configurations
/// (`BaseConfigurations`).
///
/// The resource is one of the Experiment's parameters. It gets the rung's resource whatever its
/// feasible space says (Katib's own example declares 1 to 1 and runs on 2), everything else is the
/// configuration.
struct HyperbandSearch: Algorithm {
  enum Policy: Sendable { case brackets, asynchronous }

  let name: String
  let summary: String
  let settings: [SettingRow]
  let acceptsUnknownSettings: Bool
  let placesInitialPoints = true
  let policy: Policy

  static let hyperband = HyperbandSearch(
    name: "hyperband",
    summary: "Tries many configurations on little resource (epochs, samples) and goes on with the "
      + "best third on three times as much, in brackets that begin ever further up. For models that "
      + "train step by step; any parallelism.",
    settings: ownSettings + [stateOfKatibsImage.row], acceptsUnknownSettings: true,
    policy: .brackets)

  static let asha = HyperbandSearch(
    name: "asha",
    summary: "Asynchronous successive halving: like hyperband with its widest bracket alone, and "
      + "nothing waits until a rung is over. For many workers, and for trials of uneven length.",
    settings: ownSettings, acceptsUnknownSettings: false, policy: .asynchronous)

  private static let ownSettings = [
    largest.row, resourceName.row, eta.row, sampler.row, openIssues.row,
  ]

  private static let largest = Setting<Double>(
    "r_l", default: 1, defaultText: "", valid: "a number greater than 0",
    summary: "The largest resource of one configuration. Each rung below gets 1/eta of the one "
      + "above, as long as that is at least 1; less than eta gives one rung alone.",
    parse: { NumberText.parse($0) }, accepts: { $0 > 0 })
  private static let resourceName = Setting<String>(
    "resource_name", default: "", defaultText: "", valid: "the name of a parameter",
    summary: "The parameter that carries the resource. It gets each rung's resource, also outside "
      + "its own range; INT rounds to whole numbers.",
    parse: { $0 }, accepts: { !$0.isEmpty })
  private static let usualEta = 3.0
  private static let eta = Setting<Double>.number(
    "eta", default: usualEta, valid: "a number greater than 1 (0 or less means 3)",
    summary: "One in eta configurations goes on to the next rung, on eta times the resource.",
    accepts: { $0 > 1 || $0 <= 0 })
  private static let sampler = Setting<BaseConfigurations.Sampler>.choice(
    "sampler", default: .model,
    summary: "Where new configurations come from: a model of the results on the largest resource "
      + "that has enough of them, with a third drawn at random (model), or the declared "
      + "distributions alone (random).")
  static let openIssues = Setting<OpenIssues>(
    "open_issues", default: OpenIssues(), defaultText: "none; replies return it",
    valid: "what the service returned",
    summary: "Kept by the service: suggestions that no request has shown to be over.",
    parse: { OpenIssues($0) })

  /// What Katib's image keeps in settings. The history tells the same, and more exactly.
  private static let stateOfKatibsImage = Setting<String>(
    "s_max", aliases: ["b_l", "r", "n", "current_s", "current_i", "evaluating_trials"],
    default: "", defaultText: "none", valid: "any text",
    summary:
      "State of Katib's own image: accepted, so that its experiments continue, and not read.",
    parse: { $0 })

  func validate(_ problem: Problem) throws(InvalidExperiment) {
    let name = problem.settings[HyperbandSearch.resourceName]
    guard let resource = problem.space.index(of: name) else {
      throw InvalidExperiment(
        "resource_name is \(Quoted.text(name)), it must be the name of a parameter")
    }
    let parameter = problem.space.parameters[resource]
    let list = problem.experiment.parameterSpecs[resource].feasibleSpace?.list ?? []
    // Katib's image does not mind a CATEGORICAL as long as its entries are numbers.
    guard parameter.isOrdered || list.allSatisfy({ NumberText.parse($0) != nil }) else {
      throw InvalidExperiment(
        "resource_name is \(Quoted.text(name)), whose values are no numbers; it must name a "
          + "parameter that can carry a resource: an INT, a DOUBLE or a list of numbers")
    }
    let most = problem.settings[HyperbandSearch.largest]
    guard most < 0x1p53 || !HyperbandSearch.isWhole(parameter) else {
      throw InvalidExperiment(
        "r_l is \(NumberText.text(most)), it must be less than 9007199254740992 (2^53): parameter "
          + "\(Quoted.text(name)) carries whole numbers")
    }
  }

  /// Whether resources go out as whole numbers: a list of whole numbers wants them as much as an INT
  /// does.
  private static func isWhole(_ parameter: Parameter) -> Bool {
    parameter.kind == .int || parameter.listNumbers?.allSatisfy { $0 == $0.rounded() } == true
  }

  func suggest(_ request: SuggestionRequest) throws -> SuggestionReply {
    let resource = request.space.index(of: request.settings[HyperbandSearch.resourceName])
    let schedule = HyperbandSearch.schedule(request, resource: resource)
    let ledger = RungLedger(request, schedule, resource: resource)
    // Promotions wait until every initial point is out.
    let initial = Array(request.initialPoints(ignoring: resource))
    let slots =
      switch policy {
      case .brackets:
        BracketTable(ledger, schedule).slots(count: request.count, bases: initial.count)
      case .asynchronous:
        AsynchronousHalving(ledger, schedule).slots(count: request.count, bases: initial.count)
      }
    var indices = IssueIndices(
      position: HyperbandSearch.firstIndex(request, ledger),
      taken: ledger.visibleIndices.union(ledger.open.indices))
    let numbered = slots.map { (slot: $0, index: indices.next()) }
    let writer = ConfigurationWriter(
      request, ledger: ledger, schedule: schedule, resource: resource)
    return try writer.reply(
      numbered, initial: initial, sampler: request.settings[HyperbandSearch.sampler])
  }

  private static func schedule(
    _ request: SuggestionRequest, resource: Int?
  ) -> HyperbandSchedule {
    let given = request.settings[eta]
    let isWhole = resource.map { HyperbandSearch.isWhole(request.space.parameters[$0]) } ?? false
    return HyperbandSchedule(
      largest: request.settings[largest], eta: given > 0 ? given : usualEta,
      isWhole: isWhole)
  }

  /// Where the search for free indices begins.
  ///
  /// Trials that neither the history nor the record of open issues explains are hidden, and so are
  /// their names; a client that keeps no settings can have them. Away from the position their
  /// indices do not matter.
  private static func firstIndex(_ request: SuggestionRequest, _ ledger: RungLedger) -> Int {
    ledger.unexplained > 0 ? request.position + unexplainedShift : request.position
  }

  private static let unexplainedShift = 64
}
