// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// How to reach one API server, and as whom.
package struct ClusterAccess: Sendable, Equatable {
  package struct ClientCertificate: Sendable, Equatable {
    package var chain: Material
    package var key: Material
  }

  /// `https://host:port` or `http://host:port`, perhaps with a path, without a slash at the end.
  package var server: String
  /// The certificates that may have signed the server's; nil for those that the system trusts.
  package var authority: Material?
  /// Any certificate will do: only where somebody says so in a kubeconfig.
  package var acceptsAnyCertificate = false
  /// The name that the server's certificate is for, where it is not the one in `server`.
  package var serverName: String?
  package var token: Material?
  package var clientCertificate: ClientCertificate?
  /// Of the objects that are meant when no namespace is named.
  package var namespace: String
}

/// Finds the API server anew for each use, so that a kubeconfig or a service account that changes
/// needs no restart.
///
/// In this order: a kubeconfig that was named explicitly; the service account, inside a cluster; a
/// kubeconfig of the environment. The default file of kubectl is left alone: a service that
/// somebody tries at home must not write to whatever cluster was used last.
public struct ClusterAccessSource: Sendable {
  private let explicitKubeconfig: String?
  private let kubeconfig: String?
  private let serviceAccount: String
  private let namespace: String?
  private let variable: @Sendable (String) -> String?

  /// - Parameters:
  ///   - explicitKubeconfig: paths separated by colons; used also inside a cluster.
  ///   - kubeconfig: the same, used outside only.
  ///   - serviceAccount: the folder of the service account.
  ///   - namespace: overrides the namespace of the service account and of the kubeconfig.
  public init(
    explicitKubeconfig: String?, kubeconfig: String?, serviceAccount: String, namespace: String?
  ) {
    self.init(
      explicitKubeconfig: explicitKubeconfig, kubeconfig: kubeconfig,
      serviceAccount: serviceAccount, namespace: namespace,
      variable: { getenv($0).map { String(cString: $0) } })
  }

  /// - Parameter variable: looks an environment variable up.
  init(
    explicitKubeconfig: String?, kubeconfig: String?, serviceAccount: String, namespace: String?,
    variable: @escaping @Sendable (String) -> String?
  ) {
    self.explicitKubeconfig = explicitKubeconfig
    self.kubeconfig = kubeconfig
    self.serviceAccount = serviceAccount
    self.namespace = namespace
    self.variable = variable
  }

  func access() throws(KubernetesError) -> ClusterAccess {
    var access: ClusterAccess
    if let explicitKubeconfig {
      access = try Kubeconfig(paths: explicitKubeconfig).access()
    } else if let inside = try inCluster() {
      access = inside
    } else if let kubeconfig {
      access = try Kubeconfig(paths: kubeconfig).access()
    } else {
      throw .noCluster(
        "this process runs outside a Kubernetes cluster (KUBERNETES_SERVICE_HOST is not set) and "
          + "KUBECONFIG names no file, so it cannot set the status of a Trial")
    }
    if let namespace, !namespace.isEmpty { access.namespace = namespace }
    return access
  }

  /// The pod's own API server; nil outside a cluster.
  /// - Throws: `KubernetesError.configuration` when the pod's namespace is not told. Taking "default" for
  ///   it would stop a Trial of the same name there.
  private func inCluster() throws(KubernetesError) -> ClusterAccess? {
    guard let host = variable("KUBERNETES_SERVICE_HOST"), !host.isEmpty else { return nil }
    let port = variable("KUBERNETES_SERVICE_PORT") ?? ""
    let name = host.contains(":") ? "[\(host)]" : host
    return ClusterAccess(
      server: "https://\(name):\(port.isEmpty ? "443" : port)",
      authority: .file(serviceAccount + "/ca.crt"), token: .file(serviceAccount + "/token"),
      namespace: try ownNamespace())
  }

  private func ownNamespace() throws(KubernetesError) -> String {
    if let namespace, !namespace.isEmpty { return namespace }
    let path = serviceAccount + "/namespace"
    do {
      return try Material.file(path).readText("the pod's namespace")
    } catch {
      guard case .configuration(let message) = error, Glibc.access(path, F_OK) != 0 else {
        throw error
      }
      throw .configuration(
        message + ": does the account mount its token (automountServiceAccountToken)?")
    }
  }
}
