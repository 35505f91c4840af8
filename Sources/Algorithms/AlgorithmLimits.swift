// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of the algorithms on what an Experiment may ask, with its reason.
enum AlgorithmLimits {
  /// The longest text of `initial_points`, in bytes: over a thousand points of ten parameters. While
  /// it is read it takes up to twenty times as much memory, which must fit the pod.
  static let initialPointsBytes = 128 << 10

  /// Initial points times parameters. A text of that length gives at most 26,000 values, but a point
  /// may leave nearly all of them out: 16,000 times `{"p":1}` beside 1,000 parameters would take
  /// 250 MB.
  static let initialPointValues = 1 << 16

  /// Suggestions of one request that a model makes; what is asked for beyond comes from the engine's
  /// own distribution without one. Katib gives a call 60 s, a pod half a core, and a request may ask
  /// for 10,000: each point joins the model as a pending one, so the cost grows with the square.
  /// Nobody runs so many trials at once; the numbers are what takes some seconds.
  static let gaussianProcessSuggestions = 100
  static let parzenSuggestions = 1_000
  static let screenedSuggestions = 1_000

  /// The most candidates that `tpe` compares for one suggestion; more are taken for so many. Each is
  /// judged by every kernel, so after 10,000 trials these take some seconds; the ablations found
  /// nothing better beyond a hundred.
  static let candidates = 5_000

  /// The most trials under evaluation that a Gaussian process or trees take into account; all of
  /// them are kept apart from. Each costs a row of every posterior, which grows with the square, and
  /// far from the best points they change nothing.
  static let modelledPending = 100

  /// The most parameters of an Experiment with `cmaes` that its covariance spans. Time grows with the
  /// cube and memory with the square: at this size a generation takes a tenth of a second and ten
  /// megabytes, at 4,000 more than the pod has.
  static let covarianceParameters = 500

  /// The most operations of an architecture search: every combination of every operation's
  /// parameter values counts. Katib's example with everything in it has 106; each costs two rows of
  /// the controller's weights.
  static let operations = 2_048

  /// The most layers of an architecture that `enas` searches. Each layer may be connected to every
  /// earlier one, so a suggestion grows with the square: at this depth it takes 100 KB, and the
  /// object in which Katib keeps all suggestions is full after fifteen.
  static let layers = 256

  /// The largest LSTM of the controller of `enas`. Time and memory grow with its square, and twice
  /// the default already finds nothing better (docs/ablations-enas.md).
  static let controllerHiddenSize = 128
}
