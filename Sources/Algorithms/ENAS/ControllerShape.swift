// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Where each matrix of the controller stands in its one block of weights, all row-major.
struct ControllerShape: Sendable, Equatable {
  let space: ArchitectureSpace
  /// H, the size of the recurrent state.
  let hidden: Int

  /// 2H x 4H: input and previous state to the gates i, f, o, g.
  var recurrent: Int { 0 }
  /// H: the input where there is nothing to look back on.
  var start: Int { recurrent + 8 * hidden * hidden }
  /// operations x H: what the controller is told after it has chosen an operation.
  var embedding: Int { start + hidden }
  /// operations x H: the logits' weights, a row per operation.
  var softmax: Int { embedding + space.operations * hidden }
  /// H x H: W1 of the attention, applied to the earlier layers.
  var keys: Int { softmax + space.operations * hidden }
  /// H x H: W2 of the attention, applied to the present layer.
  var query: Int { keys + hidden * hidden }
  /// H: v of the attention.
  var attention: Int { query + hidden * hidden }

  var weightCount: Int { attention + hidden }

  /// LSTM steps for one architecture: one for a layer's operation, one for its skips.
  var steps: Int { 2 * space.layers }

  /// Multiplications in one run over an architecture, forwards; a gradient takes twice as many on
  /// top. The unit in which budgets are counted.
  var operationsPerRun: Int {
    let recurrent = steps * 8 * hidden * hidden
    let choices = space.layers * space.operations * hidden
    let attention = space.layers * 2 * hidden * hidden + space.skips * hidden
    // A hyperbolic tangent or an exponential costs about as much as sixteen multiplications.
    return recurrent + choices + attention + 16 * (5 * steps * hidden + space.skips * hidden)
  }
}
