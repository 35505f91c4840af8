// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import ExperimentModel

/// The settings of `darts`, in the order in which the trial is told of them.
enum DARTSSettings {
  /// A declared setting and the JSON of its default.
  struct Row: Sendable {
    let row: SettingRow
    let defaultJSON: String
  }

  /// Settings that every algorithm of this server has and no trial understands.
  static let ownNames: Set<String> = ["random_state", "initial_points", "failed_trials"]

  static let rows: [Row] = [
    whole("num_epochs", 50, atLeast: 1, "Epochs of the search."),
    rate("w_lr", 0.025, "Learning rate of the network's weights at the start."),
    rate("w_lr_min", 0.001, "Learning rate of the network's weights at the end."),
    rate("w_momentum", 0.9, "Momentum of the network's weights."),
    rate("w_weight_decay", 3e-4, "Weight decay of the network's weights."),
    rate(
      "w_grad_clip", 5, "Largest norm of the weights' gradient; inf does not clip.",
      acceptsInfinity: true),
    rate("alpha_lr", 3e-4, "Learning rate of the mixture's weights."),
    rate("alpha_weight_decay", 1e-3, "Weight decay of the mixture's weights."),
    batchSize,
    whole("num_workers", 4, atLeast: 0, "Processes that load data."),
    whole("init_channels", 16, atLeast: 1, "Channels of the first cell."),
    whole("print_step", 50, atLeast: 1, "Steps between lines of the trial's log."),
    whole("num_nodes", 4, atLeast: 1, "Nodes inside a cell."),
    whole("stem_multiplier", 3, atLeast: 1, "Channels of the stem, in units of init_channels."),
  ]

  /// One JSON object of all settings: the declared ones with their defaults as numbers, and what
  /// the Experiment gives as strings, `None` as null; unknown names follow in the order given. Of
  /// a repeated name the last value counts, at the first one's place.
  static func json(_ given: [SettingText]) -> String {
    var members = rows.map { (key: $0.row.name, json: $0.defaultJSON) }
    var places: [String: Int] = [:]
    for (place, member) in members.enumerated() { places[member.key] = place }
    for setting in given where !ownNames.contains(setting.name) {
      let json = setting.value == "None" ? "null" : PythonJSON.string(setting.value)
      if let place = places[setting.name] {
        members[place].json = json
      } else {
        places[setting.name] = members.count
        members.append((setting.name, json))
      }
    }
    return PythonJSON.object(members.lazy.map { ($0.key, $0.json) })
  }

  private static func whole(
    _ name: String, _ value: Int, atLeast minimum: Int, _ summary: String
  ) -> Row {
    Row(
      row: Setting.whole(name, default: value, atLeast: minimum, summary: summary).row,
      defaultJSON: "\(value)")
  }

  private static func rate(
    _ name: String, _ value: Double, _ summary: String, acceptsInfinity: Bool = false
  ) -> Row {
    let setting = Setting<Double>(
      name, default: value, defaultText: NumberText.text(value), valid: "a number, at least 0",
      summary: summary,
      parse: { acceptsInfinity && $0 == "inf" ? .infinity : NumberText.parse($0) },
      accepts: { $0 >= 0 })
    return Row(row: setting.row, defaultJSON: NumberText.text(value))
  }

  private static let batchSize = Row(
    row: Setting<Int?>(
      "batch_size", default: 128, defaultText: "128",
      valid: "a whole number, at least 1, or None", summary: "Examples in a batch.",
      parse: { text in
        text == "None" ? .some(nil) : SettingParse.whole(text).map { .some($0) }
      },
      accepts: { ($0 ?? 1) >= 1 }
    ).row,
    defaultJSON: "128")
}
