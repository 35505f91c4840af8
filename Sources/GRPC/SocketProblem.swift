// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// What is wrong with a socket, in the system's words: "Address already in use". NIO's own texts name
/// its functions as well.
func socketProblem(_ error: any Error) -> String {
  switch error {
  case let error as IOError:
    return String(cString: strerror(error.errnoCode))
  case let error as NIOConnectionError:
    // Of a name with several addresses each was tried; often they tell the same.
    var problems: [String] = []
    for failure in error.connectionErrors {
      let problem = socketProblem(failure.error)
      if !problems.contains(problem) { problems.append(problem) }
    }
    if problems.isEmpty {
      // The name was looked up twice, for addresses of either kind.
      for failure in [error.dnsAError, error.dnsAAAAError].compactMap(\.self) {
        let problem = socketProblem(failure)
        if !problems.contains(problem) { problems.append(problem) }
      }
    }
    return problems.joined(separator: ", ")
  case let error as SocketAddressError.UnknownHost:
    return "the host \(error.host) cannot be resolved"
  case ChannelError.connectTimeout(let amount):
    return "no answer within \(Double(amount.nanoseconds) / 1e9) s"
  default:
    return "\(error)"
  }
}
