// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GRPC

/// What a correct server answers to every odd request, one row each.
///
/// "TO n" is a trailers-only answer with grpc-status n, a bare "n" an answer with headers first,
/// "+RST0" the RST_STREAM(NO_ERROR) that follows an answer before the request has ended.
@Suite struct ChecklistTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var name: String
    var set: [String: String] = [:]
    var drop: [String] = []
    var add: [String: String] = [:]
    /// nil: the stream stays open after the headers.
    var body: [UInt8]? = RawFrame.message([1, 2, 3])
    var expected: String
    var testDescription: String { name }
  }

  private static func run(_ row: Row, limits: Limits = Limits()) throws -> [ParsedFrame] {
    let client = try RawClient(TestServer(limits: limits))
    var fields = RawClient.request.filter { !row.drop.contains($0.0) }
    fields = fields.map { ($0.0, row.set[$0.0] ?? $0.1) }
    fields += row.add.sorted { $0.key < $1.key }
    client.send(RawFrame.headers(stream: 1, fields))
    if let body = row.body { client.send(RawFrame.data(stream: 1, body, endStream: true)) }
    client.server.work()
    return client.receive()
  }

  static let headerRows: [Row] = [
    Row(name: "plain", expected: "0"),
    Row(name: "+proto", set: ["content-type": "application/grpc+proto"], expected: "0"),
    Row(name: ";charset", set: ["content-type": "application/grpc;charset=utf-8"], expected: "0"),
    Row(
      name: "+proto;charset", set: ["content-type": "application/grpc+proto;charset=utf-8"],
      expected: "0"),
    Row(name: "+json", set: ["content-type": "application/grpc+json"], expected: "HTTP 415/3"),
    Row(name: "json", set: ["content-type": "application/json"], expected: "HTTP 415/3"),
    Row(name: "grpc-web", set: ["content-type": "application/grpc-web"], expected: "HTTP 415/3"),
    Row(name: "no content-type", drop: ["content-type"], expected: "HTTP 415/3"),
    Row(
      name: "415 before the end", drop: ["content-type"], body: nil, expected: "HTTP 415/3+RST0"),
    Row(name: "GET", set: [":method": "GET"], expected: "HTTP 405/13"),
    Row(
      name: "GET before the end", set: [":method": "GET"], body: nil, expected: "HTTP 405/13+RST0"),
    Row(name: "no te", drop: ["te"], expected: "0"),
    Row(name: "te other than trailers", set: ["te": "gzip"], expected: "+RST1"),
    Row(name: "connection", add: ["connection": "close"], expected: "+RST1"),
    Row(name: "upper-case name", add: ["X-Up": "1"], expected: "+RST1"),
    Row(name: "no scheme", drop: [":scheme"], expected: "+RST1"),
    Row(name: "no path", drop: [":path"], expected: "+RST1"),
    Row(name: "path without slash", set: [":path": "test.Echo/Echo"], expected: "+RST1"),
    Row(name: "no authority", drop: [":authority"], expected: "+RST1"),
    Row(name: "wrong content-length", add: ["content-length": "3"], expected: "+RST1"),
    Row(name: "unknown method", set: [":path": "/test.Echo/No"], expected: "TO 12"),
    Row(name: "unknown service", set: [":path": "/no/Echo"], expected: "TO 12"),
    Row(
      name: "unknown method is answered at the headers", set: [":path": "/test.Echo/No"],
      body: nil, expected: "TO 12+RST0"),
    Row(name: "one part", set: [":path": "/Echo"], expected: "TO 12"),
    Row(name: "trailing slash", set: [":path": "/test.Echo/Echo/"], expected: "TO 12"),
    Row(name: "query", set: [":path": "/test.Echo/Echo?a=b"], expected: "TO 12"),
    Row(name: "timeout", add: ["grpc-timeout": "00000010S"], expected: "0"),
    Row(name: "longest timeout", add: ["grpc-timeout": "99999999H"], expected: "0"),
    Row(name: "nine digits", add: ["grpc-timeout": "100000000n"], expected: "TO 13"),
    Row(name: "timeout without unit", add: ["grpc-timeout": "10"], expected: "TO 13"),
    Row(name: "unknown unit", add: ["grpc-timeout": "10s"], expected: "TO 13"),
    Row(name: "negative timeout", add: ["grpc-timeout": "-1S"], expected: "TO 13"),
    Row(name: "empty timeout", add: ["grpc-timeout": ""], expected: "TO 13"),
    Row(name: "timeout 0", add: ["grpc-timeout": "0n"], expected: "TO 4"),
    Row(
      name: "timeout 0 at the headers", add: ["grpc-timeout": "0S"], body: nil,
      expected: "TO 4+RST0"),
    Row(name: "-bin padded", add: ["x-bin": "YQ=="], expected: "0"),
    Row(name: "-bin unpadded", add: ["x-bin": "YQ"], expected: "0"),
    Row(name: "-bin joined", add: ["x-bin": "YQ, Yg==,"], expected: "0"),
    Row(name: "-bin not base64", add: ["x-bin": "Y"], expected: "TO 13"),
    Row(name: "-bin with wrong characters", add: ["x-bin": "a*b="], expected: "TO 13"),
    Row(name: "blanks around a value", add: ["x-text": " a "], expected: "0"),
    Row(
      name: "accept-encoding of unknown things", add: ["grpc-accept-encoding": "br,zstd"],
      expected: "0"),
  ]

  static let messageRows: [Row] = [
    Row(name: "flag 1, no encoding", body: RawFrame.message([1], flag: 1), expected: "TO 13"),
    Row(
      name: "flag 1, identity", add: ["grpc-encoding": "identity"],
      body: RawFrame.message([1], flag: 1), expected: "TO 13"),
    Row(name: "flag 0, identity", add: ["grpc-encoding": "identity"], expected: "0"),
    Row(name: "flag 0, gzip", add: ["grpc-encoding": "gzip"], expected: "0"),
    Row(
      name: "unknown encoding, flag 1", add: ["grpc-encoding": "br"],
      body: RawFrame.message([1], flag: 1), expected: "TO 12"),
    Row(name: "unknown encoding, flag 0", add: ["grpc-encoding": "br"], expected: "TO 12"),
    Row(name: "flag 2", body: RawFrame.message([1], flag: 2), expected: "TO 13"),
    Row(
      name: "not gzip", add: ["grpc-encoding": "gzip"], body: RawFrame.message([1, 2], flag: 1),
      expected: "TO 13"),
    Row(
      name: "empty gzip", add: ["grpc-encoding": "gzip"], body: RawFrame.message([], flag: 1),
      expected: "TO 13"),
    Row(name: "empty message", body: RawFrame.message([]), expected: "0"),
    Row(
      name: "too long, from the prefix", body: RawFrame.message([], length: 17 << 20),
      expected: "TO 8"),
    Row(name: "longest length", body: RawFrame.message([], length: 0xffff_ffff), expected: "TO 8"),
    Row(
      name: "cut short in the message", body: RawFrame.message([1], length: 2), expected: "TO 13"),
    Row(name: "cut short in the prefix", body: [0, 0, 0], expected: "TO 13"),
    Row(name: "no message", body: [], expected: "TO 12"),
    Row(
      name: "two messages", body: RawFrame.message([1]) + RawFrame.message([2]), expected: "TO 12"),
    Row(name: "a handler's status", set: [":path": "/test.Echo/Fail"], expected: "TO 9"),
    Row(name: "a worker", set: [":path": "/test.Echo/Work"], expected: "0"),
    Row(
      name: "no message on a stream", set: [":path": "/test.Echo/Stream"], body: [],
      expected: "TO 0"),
  ]

  @Test(arguments: headerRows) func headers(_ row: Row) throws {
    #expect(try ChecklistTests.run(row).outcome() == row.expected)
  }

  @Test(arguments: messageRows) func messages(_ row: Row) throws {
    #expect(try ChecklistTests.run(row).outcome() == row.expected)
  }

  @Test func replyHasExactlyTheseFields() throws {
    let frames = try ChecklistTests.run(Row(name: "", expected: "")).on(1)
    try #require(frames.count == 3)
    #expect(frames[0].fields.map(\.name) == [":status", "content-type"])
    #expect(frames[0]["content-type"] == "application/grpc")
    #expect(frames[1].payload == RawFrame.message([1, 2, 3]))
    #expect(frames[2].fields.map(\.name) == ["grpc-status"])
    #expect(frames[2].isEndStream)
  }

  @Test func messageOfAStatusIsEscaped() throws {
    let row = Row(name: "", set: [":path": "/test.Echo/Fail"], expected: "")
    let head = try #require(try ChecklistTests.run(row).on(1).first)
    #expect(head["grpc-message"] == "100%25 na%C3%AFve")
  }

  @Test func unknownEncodingNamesTheKnownOnes() throws {
    let row = Row(name: "", add: ["grpc-encoding": "br"], expected: "")
    let head = try #require(try ChecklistTests.run(row).on(1).first)
    #expect(head["grpc-accept-encoding"] == "identity,deflate,gzip")
  }

  @Test func answersInTermsOfHTTPHaveABody() throws {
    let row = Row(name: "", set: [":method": "GET"], expected: "")
    let frames = try ChecklistTests.run(row).on(1)
    #expect(frames.body() == Array("gRPC uses the method POST\n".utf8))
    #expect(frames[0]["content-type"] == "text/plain")
  }

  /// curl -I ended in a protocol error: the answer had a body.
  @Test func answersToHEADHaveNone() throws {
    let row = Row(name: "", set: [":method": "HEAD"], expected: "")
    let frames = try ChecklistTests.run(row).on(1)
    #expect(frames.first?[":status"] == "405")
    #expect(frames.first?.isEndStream == true)
    #expect(!frames.contains { $0.has(.data) })
  }

  @Test func requestWithoutBodyEndsWithItsHeaders() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request, endStream: true))
    #expect(client.receive().outcome() == "TO 12")
  }

  @Test func trailersOfARequestEndIt() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1])))
    client.send(RawFrame.headers(stream: 1, [("x-late", "1")], endStream: true))
    #expect(client.receive().outcome() == "0")
  }

  /// A block that breaks the rules has no end. The trailers of another stream, right behind it, once
  /// brought its fields into their own call: a method was called that nobody had asked for.
  @Test func trailersBehindAMalformedBlockKeepTheirRequest() throws {
    let client = try RawClient()
    var malformed = RawClient.request + [("te", "gzip")]
    malformed[2].1 = "/test.Echo/Fail"
    client.send(
      RawFrame.headers(stream: 1, RawClient.request)
        + RawFrame.data(stream: 1, RawFrame.message([1]))
        + RawFrame.headers(stream: 3, malformed)
        + RawFrame.headers(stream: 1, [("x-late", "1")], endStream: true))
    let frames = client.receive()
    #expect(frames.outcome(1) == "0")
    #expect(frames.body(1) == RawFrame.message([1]))
    #expect(frames.outcome(3) == "+RST1")
    #expect(client.server.records.all.map(\.path).contains("/test.Echo/Echo"))
  }

  @Test func tooLongIsAnsweredWhileTheClientStillSends() throws {
    let client = try RawClient()
    client.send(RawFrame.headers(stream: 1, RawClient.request))
    client.send(RawFrame.data(stream: 1, RawFrame.message([1, 2, 3], length: 17 << 20)))
    let frames = client.receive()
    #expect(frames.outcome() == "TO 8+RST0")
    // The reset comes after the answer: before it, it would have discarded it.
    #expect(
      frames.on(1).map(\.kind) == [RawFrame.Kind.headers.rawValue, RawFrame.Kind.reset.rawValue])
    // What was on its way is no error.
    client.send(RawFrame.data(stream: 1, [4, 5, 6]))
    #expect(client.receive().first(.goAway) == nil)
  }

  @Test(arguments: [Compression.gzip, .deflate]) func compressedBothWays(_ encoding: Compression)
    throws
  {
    let plain = [UInt8](repeating: 7, count: 20_000)
    let packed = try #require(encoding.compress(OutgoingMessage(plain)))
    let row = Row(
      name: "",
      add: [
        "grpc-encoding": "\(encoding.name)", "grpc-accept-encoding": "identity, \(encoding.name)",
      ],
      body: RawFrame.message(packed.withUnsafeBytes { Array($0) }, flag: 1), expected: "")
    let frames = try ChecklistTests.run(row)
    #expect(frames.outcome() == "0")
    #expect(frames.on(1).first?["grpc-encoding"] == "\(encoding.name)")
    let body = frames.body()
    #expect(body.first == 1)
    let message = try #require(ReceivedMessage(Array(body.dropFirst(5))))
    let reply = try encoding.decompress(message, limit: 1 << 20)
    #expect(reply.withUnsafeBytes { Array($0) } == plain)
  }

  @Test func smallRepliesAreNotCompressed() throws {
    let row = Row(name: "", add: ["grpc-accept-encoding": "gzip"], expected: "")
    let frames = try ChecklistTests.run(row)
    #expect(frames.on(1).first?["grpc-encoding"] == nil)
    #expect(frames.body().first == 0)
  }

  @Test func decompressedSizeIsLimited() throws {
    let bomb = try #require(
      Compression.gzip.compress(OutgoingMessage([UInt8](repeating: 0, count: 2 << 20))))
    var limits = Limits()
    limits.messageBytes = 1 << 20
    let row = Row(
      name: "", add: ["grpc-encoding": "gzip"],
      body: RawFrame.message(bomb.withUnsafeBytes { Array($0) }, flag: 1), expected: "")
    #expect(try ChecklistTests.run(row, limits: limits).outcome() == "TO 8")
  }

  /// A method may take less than the server does. Reflection once took 15 MiB, inflated from 15 KB,
  /// and sent it back twice; the limit holds for what is announced and for what is inflated, and
  /// needs no memory of the budget to be told.
  @Test(arguments: [false, true]) func methodsHaveLimitsOfTheirOwn(_ isUnary: Bool) throws {
    var router = Router()
    let traits = MethodTraits(messageBytes: 4_096)
    router.unary("/test.Echo/Unary", placement: EchoService.worker, traits: traits) { message, _ in
      message.withUnsafeBytes { OutgoingMessage($0) }
    }
    router.streaming("/test.Echo/Stream", traits: traits) { _, writer in
      EchoService.Bidirectional(writer)
    }
    func outcome(_ bytes: [UInt8], gzip: Bool = false) throws -> String {
      let server = TestServer(router: router)
      #expect(server.core.budget.reserve(server.core.budget.capacity))
      let client = try RawClient(server)
      var fields = RawClient.request + [("grpc-encoding", "gzip")]
      fields[2].1 = isUnary ? "/test.Echo/Unary" : "/test.Echo/Stream"
      client.send(RawFrame.headers(stream: 1, fields))
      client.send(RawFrame.data(stream: 1, bytes, endStream: true))
      server.work()
      return client.receive().outcome()
    }
    func packed(_ count: Int) throws -> [UInt8] {
      let message = OutgoingMessage([UInt8](repeating: 7, count: count))
      let packed = try #require(Compression.gzip.compress(message))
      return RawFrame.message(packed.withUnsafeBytes { Array($0) }, flag: 1)
    }
    #expect(try outcome(RawFrame.message([UInt8](repeating: 7, count: 4_096))) == "0")
    #expect(try outcome(RawFrame.message([7], length: 4_097)) == "TO 8")
    #expect(try outcome(packed(4_096)) == "0")
    #expect(try outcome(packed(4_097)) == "TO 8")
  }

  @Test func trailingJunkAfterGzipIsCorrupt() throws {
    let packed = try #require(
      Compression.gzip.compress(OutgoingMessage([UInt8](repeating: 7, count: 100))))
    let row = Row(
      name: "", add: ["grpc-encoding": "gzip"],
      body: RawFrame.message(packed.withUnsafeBytes { Array($0) } + [0], flag: 1), expected: "")
    #expect(try ChecklistTests.run(row).outcome() == "TO 13")
  }

  /// HPACK can repeat one entry for a byte each; nghttp2 hands all of them out.
  @Test func headerListIsCounted() throws {
    let client = try RawClient()
    var block = RawFrame.headerBlock(RawClient.request)
    // A literal with indexing (RFC 7541 section 6.2.1), then three hundred references to it.
    let value = [UInt8](repeating: UInt8(ascii: "v"), count: 100)
    block += [0x40, 1, UInt8(ascii: "x"), 100] + value
    block += [UInt8](repeating: 0x80 | 62, count: 300)
    client.send(
      RawFrame.frame(.headers, flags: RawFrame.endHeaders, stream: 1, block))
    #expect(client.receive().outcome() == "TO 8+RST0")
  }

  @Test func metadataReachesTheHandler() throws {
    var router = Router()
    router.unary("/test.Echo/Echo", placement: EchoService.inline) { _, context in
      #expect(context.metadata["x-text"] == "a b")
      #expect(context.metadata.binaryValues("x-bin") == [[97], [98], []])
      #expect(context.metadata["te"] == nil)
      #expect(context.metadata["grpc-timeout"] == nil)
      #expect(context.path == "/test.Echo/Echo")
      return OutgoingMessage([])
    }
    let client = try RawClient(TestServer(router: router))
    client.call(
      stream: 1,
      extra: [("x-text", "a b"), ("x-bin", "YQ, Yg=="), ("x-bin", ""), ("grpc-timeout", "1S")])
    #expect(client.receive().outcome() == "0")
  }

  @Test func errorsOfOtherTypesShowNothing() throws {
    struct Secret: Error {}
    var router = Router()
    router.unary("/test.Echo/Echo", placement: EchoService.inline) { _, _ in throw Secret() }
    let client = try RawClient(TestServer(router: router))
    client.call(stream: 1)
    let head = try #require(client.receive().on(1).first)
    #expect(head["grpc-status"] == "13")
    #expect(head["grpc-message"] == "internal error")
  }
}
