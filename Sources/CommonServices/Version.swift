// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The version of this build, as CHANGELOG.md names it.
public enum Version {
  public static let text = "0.1.0"
}
