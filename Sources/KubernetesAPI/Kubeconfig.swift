// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// The files that kubectl reads: clusters, users, and contexts that join one of each.
///
/// Several files count as one; of entries with the same name the first stays. Paths in a file are
/// relative to it. Users that authenticate by running a program are refused: an image without a
/// shell has none to run.
struct Kubeconfig {
  private struct Named {
    let value: YAMLNode
    /// The folder of the file that it stands in.
    let folder: String

    func path(_ text: String) -> String { text.hasPrefix("/") ? text : folder + "/" + text }

    /// `<key>-data` in base64, else the file that `<key>` names.
    func material(_ key: String, _ what: String) throws(KubernetesError) -> Material? {
      if let data = value[key + "-data"]?.text { return try .decoded(data, what) }
      return value[key]?.text.map { .file(path($0)) }
    }
  }

  private var clusters: [String: Named] = [:]
  private var users: [String: Named] = [:]
  private var contexts: [String: Named] = [:]
  private var currentContext: String?

  /// - Parameter paths: separated by colons; of several, those that do not exist are passed over.
  init(paths: String) throws(KubernetesError) {
    let all = paths.split(separator: ":").map(String.init)
    var failure: KubernetesError?
    var hasRead = false
    for path in all {
      let bytes: [UInt8]
      do throws(KubernetesError) {
        bytes = try Material.contents(of: path, "the kubeconfig")
      } catch {
        failure = failure ?? error
        continue
      }
      hasRead = true
      do throws(YAMLNode.Fault) {
        add(try YAMLNode(parsing: bytes), folder: Kubeconfig.folder(of: path))
      } catch {
        throw .configuration("the kubeconfig \(path) is not readable: \(error.problem)")
      }
    }
    guard hasRead else { throw failure ?? .configuration("no kubeconfig is named") }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "" : String(path[..<slash])
  }

  private mutating func add(_ root: YAMLNode, folder: String) {
    func named(_ list: String, _ entry: String, _ known: inout [String: Named]) {
      for element in root[list]?.elements ?? [] {
        guard let name = element["name"]?.text, known[name] == nil, let value = element[entry]
        else { continue }
        known[name] = Named(value: value, folder: folder)
      }
    }
    named("clusters", "cluster", &clusters)
    named("users", "user", &users)
    named("contexts", "context", &contexts)
    currentContext = currentContext ?? root["current-context"]?.text
  }

  func access() throws(KubernetesError) -> ClusterAccess {
    guard let name = currentContext else {
      throw .configuration("the kubeconfig has no current-context")
    }
    guard let context = contexts[name]?.value else {
      throw .configuration("the kubeconfig has no context \"\(name)\", its current-context")
    }
    guard let clusterName = context["cluster"]?.text, let cluster = clusters[clusterName] else {
      throw .configuration("the kubeconfig has no cluster for its context \"\(name)\"")
    }
    guard var server = cluster.value["server"]?.text,
      server.hasPrefix("https://") || server.hasPrefix("http://")
    else {
      throw .configuration(
        "the kubeconfig's cluster \"\(clusterName)\" has no server with http:// or https://")
    }
    while server.hasSuffix("/") { server.removeLast() }
    var access = ClusterAccess(
      server: server,
      authority: try cluster.material("certificate-authority", "certificate-authority-data"),
      acceptsAnyCertificate: cluster.value["insecure-skip-tls-verify"]?.isTrue ?? false,
      serverName: cluster.value["tls-server-name"]?.text,
      namespace: context["namespace"]?.text ?? "default")
    if let userName = context["user"]?.text {
      guard let user = users[userName] else {
        throw .configuration("the kubeconfig has no user \"\(userName)\"")
      }
      try Kubeconfig.authenticate(user, userName, &access)
    }
    return access
  }

  private static func authenticate(
    _ user: Named, _ name: String, _ access: inout ClusterAccess
  ) throws(KubernetesError) {
    for method in ["exec", "auth-provider", "username"] where user.value[method] != nil {
      throw .configuration(
        "the kubeconfig's user \"\(name)\" authenticates by \(method); supported are token, "
          + "tokenFile, client-certificate and client-key, each also as -data")
    }
    if let file = user.value["tokenFile"]?.text {
      access.token = .file(user.path(file))
    } else if let token = user.value["token"]?.text {
      access.token = .bytes(Array(token.utf8))
    }
    let chain = try user.material("client-certificate", "client-certificate-data")
    let key = try user.material("client-key", "client-key-data")
    switch (chain, key) {
    case (let chain?, let key?):
      access.clientCertificate = ClusterAccess.ClientCertificate(chain: chain, key: key)
    case (nil, nil): break
    default:
      throw .configuration(
        "the kubeconfig's user \"\(name)\" has only one of client-certificate and client-key")
    }
  }
}
