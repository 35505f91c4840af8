// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The pod's service account, mounted by Kubernetes.
public enum ServiceAccount {
  public static let directory = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// The namespace of this process; nil outside a cluster.
  /// - Parameter directory: where the account is mounted.
  public static func namespace(in directory: String = directory) -> String? {
    guard let file = fopen(directory + "/namespace", "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count], as: UTF8.self).prefix { !$0.isWhitespace }
    return text.isEmpty ? nil : String(text)
  }
}
