// Copyright 2026 The katib-suggestion authors
// SPDX-License-Identifier: Apache-2.0

/// Every bound of this module, with its reason. Nothing that a peer sends may grow without one of
/// these.
public struct Limits: Sendable {

  // MARK: Messages and memory

  /// The largest message, in bytes, compressed or not. gRPC's own default is 4 MiB; the largest
  /// requests a caller legitimately makes are bigger.
  public var messageBytes = 16 << 20

  /// All memory for messages of the process, in bytes. Messages being received and whatever the
  /// handlers reserve (decode arenas) come out of it.
  public var memoryBudgetBytes = 48 << 20

  /// The part of the budget that messages being received may fill, and what stays of one that is
  /// decoded, in bytes. The rest is left to the handlers: otherwise messages that wait for a handler
  /// could take the memory it needs to finish.
  public var receiveBudgetBytes = 32 << 20

  /// The part of the budget that replies may hold until their clients have read them, in bytes. It
  /// comes on top of ``receiveBudgetBytes``, so that clients that read slowly hold up nobody who asks.
  /// Three of the largest that a Katib controller takes; from where half of it is taken, one connection
  /// may hold a third of it, or one reply.
  public var replyBudgetBytes = 12 << 20

  /// Messages up to this size are not counted in the budget: health checks must pass when it is
  /// spent. They are bounded by ``calls`` instead: 1,024 calls of 4 KiB are 4 MiB, or twice that
  /// where a method takes no larger ones and they come compressed.
  public var uncountedMessageBytes = 4 << 10

  /// Streams that may wait for memory at once; each may hold one ``streamWindowBytes`` of data
  /// that arrived before it was told to wait, so 64 are 4 MiB.
  public var waitingStreams = 64

  /// Messages of this size and more come one at a time on each connection, and stand in line for
  /// memory. Ten times what a usual history takes.
  public var largeMessageBytes = 256 << 10

  /// Messages of a connection that may wait for memory, large ones behind each other among them.
  /// Together with those of all other connections they take half the places of ``waitingStreams``: the
  /// other half is for connections that have none. If that is full as well, such a one takes a place
  /// of the connection that has most.
  public var waitingPerConnection = 16

  /// What a connection may hold of ``receiveBudgetBytes`` with messages below ``largeMessageBytes``, in
  /// bytes, from where half of that is taken: forty usual histories at once. Two connections that
  /// announced a hundred messages each and sent none of them once had everybody refused.
  public var messageBytesPerConnection = 4 << 20

  /// The part of the budget that smaller messages may take where there is a line of large ones, in
  /// bytes: somebody's large uploads must not hold up everybody's small requests. One connection has
  /// a quarter of it, from where half of it is taken.
  public var aisleBytes = 4 << 20

  /// Time to receive a message once its length is known: a length announced and never sent would
  /// hold its memory for ever. 16 MiB in 30 s is 560 kB/s.
  public var messageTimeout = Duration.seconds(30)

  /// The time in which ``messageStallBytes`` of a message, or its end, must come if others wait for
  /// memory; otherwise it gives up its own. With nobody waiting a pause costs nothing.
  public var messageStall = Duration.seconds(3)

  /// It counts until the request ends: one that is complete but for its end holds its memory like
  /// any other. 350 kB/s, less than ``messageTimeout`` asks of the largest message on the average. Any byte at
  /// all was once enough, and a byte per second held 30 MiB.
  public var messageStallBytes = 1 << 20

  /// A reply up to this size is never compressed: it fits one packet anyway.
  public var uncompressedReplyBytes = 1 << 10

  /// Bytes that streams put aside because their clients do not read the answers to the requests before,
  /// in all: for clients of streaming methods that ask faster than they read. What is put aside because
  /// a message waits for memory comes on top of it; see ``waitingStreams``.
  public var heldBackBytes = 4 << 20

  /// The same for one connection: sixteen windows. One client once took it all, from those that waited
  /// for memory, too.
  public var heldBackBytesPerConnection = 1 << 20

  /// Messages a streaming handler may queue ahead of a slow reader, in bytes per call.
  public var queuedReplyBytes = 4 << 20

  // MARK: Flow control

  /// The receive window of a stream, in bytes: HTTP/2's default. It is also all that a stream
  /// waiting for memory can make us hold.
  public var streamWindowBytes = 65_535

  /// The window of a stream whose large message has its memory. One round trip per MiB is enough
  /// on a cluster's network.
  public var largeMessageWindowBytes = 1 << 20

  /// The receive window of a connection, in bytes. Data is handed on at once, so it bounds no
  /// memory, only what is in flight.
  public var connectionWindowBytes = 4 << 20

  /// Output waiting for the socket, in bytes, past which reading stops: a peer that does not read
  /// its answers gets to ask no more. The kernel holds some megabytes more, so a small buffer slows
  /// nobody down; but each of 512 ``connections`` may fill it, and with a frame more it takes two
  /// buffers of 32 KiB.
  public var outputHighWater = 32 << 10

  /// Frames waiting in the session, past which the connection is closed: every answer that a peer
  /// can provoke without reading (acknowledgements, resets) ends here.
  public var queuedFrames = 4_096

  // MARK: Connections and calls

  /// Open connections. With the descriptor limit of a container (1,024 at the least) in mind. One
  /// more takes the place of the one that has been idle longest or, if none is idle, of one whose calls
  /// all wait for their client.
  public var connections = 512

  /// Connections that are over while their last frames are on their way to a slow reader; they are
  /// not among the others. One more cuts the oldest off. Together they leave a third of 1,024
  /// descriptors.
  public var lingeringConnections = 128

  /// How long nobody is let in after the system refused a connection, for want of descriptors as a rule.
  /// One is missed within moments of being free; trying without a pause takes a whole core.
  public var acceptPause = Duration.milliseconds(100)

  /// Calls open at once on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
  public var streamsPerConnection = 128

  /// Calls open at once in the process. Each may hold a header list, so 1,024 of them hold 16 MiB at
  /// the very worst. The next one takes the place of a call that waits for its client on the
  /// connection that has most; if that is its own, it is refused and may be retried.
  public var calls = 1_024

  /// Calls beyond ``calls`` of methods that take small messages alone, so that health checks pass
  /// when all the others are being worked for.
  public var reservedCalls = 64

  /// Time from the headers of a unary call to the end of its request, unless the time for a large
  /// message counts. A request that never ends would hold its place among the calls for ever; those
  /// of any client come in one go.
  public var requestTimeout = Duration.seconds(30)

  /// Time for a client to send its preface and SETTINGS.
  public var handshakeTimeout = Duration.seconds(10)

  /// Time from the first to the last byte of a header block.
  public var headerTimeout = Duration.seconds(10)

  /// A connection without calls is closed after this time; clients reconnect when they need to.
  public var idleTimeout: Duration? = .seconds(30 * 60)

  /// A reply of which a client lets nothing through for this long is given up; and one that it has not
  /// let through whole by then, if half of ``replyBudgetBytes`` is taken: a byte now and then held the
  /// memory for ever. A controller's call has no more time than this.
  public var stalledReplyTimeout = Duration.seconds(60)

  /// A reply of which its client has let nothing through for this long is given up when another one finds
  /// no memory.
  public var replyStall = Duration.seconds(3)

  /// How often a reply that takes longer is looked at again.
  public var slowReplyInterval = Duration.seconds(5)

  /// The same once the client has closed its side, so that no larger window can come.
  public var halfClosedReplyTimeout = Duration.seconds(1)

  /// Time that a message may wait for memory, or behind others of its connection: nobody waits longer
  /// for a call.
  public var memoryTimeout = Duration.seconds(60)

  // MARK: Headers

  /// The size of a header list as HTTP/2 counts it: name, value and 32 bytes per field. nghttp2
  /// announces it but does not enforce it, so this module counts.
  public var headerListBytes = 16 << 10

  /// A header block or trailers past this size, counted in the same way, end the connection. One that
  /// is merely too large gets an answer; but 128 KiB of indexed fields are 100,000 of them, and to read
  /// those takes a sixth of a second.
  public var headerBlockBytes = 64 << 10

  /// The `grpc-message` trailer before it is escaped. Escaping may triple it, and clients fail
  /// calls whose header list exceeds 8 KiB.
  public var statusMessageBytes = 1 << 10

  /// CONTINUATION frames per header block (CVE-2024-28182). 16 KiB fit into one frame.
  public var continuations = 8

  // MARK: Floods

  /// RST_STREAM frames received (CVE-2023-44487). A client that cancels often is legitimate, so
  /// the burst is well above one window of streams.
  var resetsReceived = TokenBucket.Rate(burst: 2_000, perSecond: 200)

  /// RST_STREAM frames a client provokes by breaking the protocol (CVE-2025-8671), and invalid
  /// frames as such. A correct client causes none.
  var faults = TokenBucket.Rate(burst: 100, perSecond: 10)

  /// SETTINGS frames. Clients send one, and one more when they estimate the bandwidth anew.
  var settings = TokenBucket.Rate(burst: 100, perSecond: 10)

  /// Entries of one SETTINGS frame.
  var settingsEntries = 32

  /// Acknowledgements that wait because the peer does not read.
  var queuedAcknowledgements = 1_000

  /// DATA frames without data that do not end a stream. Legal, useless.
  var emptyData = TokenBucket.Rate(burst: 1_000, perSecond: 100)

  /// Frames that carry no work: PRIORITY and WINDOW_UPDATE. Each costs less than a request; a client
  /// that reads a large reply sends about one WINDOW_UPDATE per data frame. Frames of unknown types
  /// are not counted: nghttp2 skips them before anybody hears of them, at the price of reading them.
  var idleFrames = TokenBucket.Rate(burst: 20_000, perSecond: 10_000)

  // MARK: Keepalive

  /// A client's PING sooner than this after its last good one is a strike (grpc proposal A8).
  public var pingInterval = Duration.seconds(5 * 60)

  /// The same without open calls.
  public var pingIntervalWithoutCalls = Duration.seconds(2 * 60 * 60)

  /// Strikes that are forgiven. Sending HEADERS or DATA forgives all: clients measure bandwidth
  /// by a PING after each.
  public var pingStrikes = 2

  /// The server's own PING after this time without a byte from the client.
  public var keepaliveInterval: Duration? = .seconds(2 * 60 * 60)

  /// Time for the answer to it.
  public var keepaliveTimeout = Duration.seconds(20)

  // MARK: Draining

  /// Time for the answer to the PING between the two GOAWAYs.
  public var drainPingTimeout = Duration.seconds(5)

  public init() {}
}
