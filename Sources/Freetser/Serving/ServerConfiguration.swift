// Every setting of a server, its unit and its default.

public import HTTPCore
public import Logging
public import Transport

/// How a server behaves. Every limit has a default that is meant for production.
public struct ServerConfiguration: Sendable {
  /// The largest head of a request: request line and fields. In bytes; 16,384 by default.
  ///
  /// A larger one is answered with 431, a request line of more than 8,192 bytes with 414.
  public var maximumHeadSize = 16_384

  /// The largest body of a request. In bytes; 2 MiB by default. A larger one is answered with 413.
  ///
  /// A handler that reads the body itself may allow itself another size (``RequestBody/limit``).
  public var maximumBodySize = 2_097_152

  /// How many bytes of request bodies all connections together may hold for their handlers; 256 MiB by default.
  ///
  /// Bodies that are read whole count, from their first byte to the end of the response, in steps of 64 KiB. One for
  /// which there is no room is answered with 503 and `Retry-After`.
  public var maximumBufferedBytes = 268_435_456

  /// The oldest version of HTTP that is served; older ones are answered with 505. HTTP/1.0 by default.
  public var minimumVersion = Version.http10

  /// How many connections are served at a time; `nil`, the default, is what the system's limits on descriptors and
  /// threads leave room for (``Server/ceilings`` tells how many).
  ///
  /// When one more comes, the connection that has waited longest for a request is closed, a new one only when it is
  /// older than ``newConnectionGrace``. If none waits, the one that comes is answered with 503 and closed.
  public var maximumConnections: Int?

  /// How many connections are served at a time for one client address; `nil`, the default, is no limit. One more is
  /// answered with 503.
  ///
  /// An IPv6 network of 64 bits counts as one address. Unix domain sockets and the proxies that are trusted
  /// (``Proxies/trusted``) are exempt. The address is that of the connection: behind a proxy that is not trusted, it
  /// is the proxy's.
  public var maximumConnectionsPerAddress: Int?

  /// How many requests are answered on one connection; `nil`, the default, is no limit. The last response says
  /// `Connection: close`.
  ///
  /// Nothing here grows with the number of requests. A limit makes long-lived clients come back now and then, for
  /// example to be spread over several processes.
  public var maximumRequestsPerConnection: Int?

  /// How long to wait for a client.
  public var timeouts = Timeouts()

  /// Options of the listening socket and of the connections it accepts.
  ///
  /// `deferAccept` is on here, as in HTTP the client speaks first: change the options that you want to change, as a new
  /// `ListenerOptions` has it off.
  public var listener = {
    var options = ListenerOptions()
    options.deferAccept = true
    return options
  }()

  /// The proxies before the server, and what they are believed; nobody and nothing by default.
  public var proxies = Proxies()

  /// The stack of each connection's thread, on which handlers run. In bytes; 1 MiB by default.
  ///
  /// Memory is taken only where the stack is touched. A stack that overflows ends the process: decoding JSON
  /// nested 500 deep needs 768 KiB.
  public var stackSize = 1_048_576

  /// Whether the thread of a connection goes to the processor on which the client's bytes arrive, once these have come a second time;
  /// `true` by default.
  ///
  /// On Linux, for TCP, and to no processor with more than its share of the connections. The scheduler may still take the thread
  /// elsewhere. Where the system refuses sched_setaffinity(2), threads stay where they are; set it to `false` where a process is ended
  /// for that.
  public var movesThreads = true

  /// How long a server that is asked to stop goes on as before, though ``Server/isReady`` is false; not at all by default.
  ///
  /// Set it to the time in which load balancers notice. Requests, on new connections too, are served meanwhile. Asking
  /// again ends it.
  public var stopDelay: Duration = .zero

  /// How old a connection must be to be closed although nothing has come on it yet, by a stop or to make room for
  /// another; 2 s by default.
  ///
  /// A client that has just connected is about to send its request, which nobody else would answer. Of a client that has sent
  /// nothing the server may not know for the first second (`listener.deferAccept`); a ``stopDelay`` of two seconds lets it.
  public var newConnectionGrace: Duration = .seconds(2)

  /// How long connections may take to finish when SIGINT or SIGTERM stops the server, from the end of ``stopDelay`` on;
  /// 10 s by default.
  public var stopLimit: Duration = .seconds(10)

  /// Whether ``Server/run(ready:)`` tells a service manager that asks for it when the server is ready and when it
  /// stops; `true` by default.
  ///
  /// The manager asks by the variable NOTIFY_SOCKET, which systemd sets for services of `Type=notify` and then waits
  /// for. A program that runs several servers turns it off, and uses `ServiceManager` itself.
  public var notifiesServiceManager = true

  /// Where the server's log lines go: by default through ``LogQueue/shared`` to standard output, where nobody who
  /// logs waits for them to be written.
  ///
  /// To have them go where a program's other lines go, set `Logger(label: "freetser.server")`. With a handler that
  /// writes at once, connections then wait for it.
  public var logger = Logger(label: "freetser.server", factory: LogQueue.shared.makeHandler)

  /// Who is told of connections and exchanges; nobody by default.
  public var observers: [any ServerObserver] = []

  /// What the client is answered when a handler throws; `nil`, the default and as a result, leaves it to the server.
  ///
  /// ``HTTPError`` then says itself what it means, a file that is not there is 404, what the store refuses a 400, 409, 413 or
  /// 503, and everything else a 500 whose reason the log is told. Errors of streams never come here: there is nobody to
  /// be answered any more, or only one thing to say.
  public var errorResponse: (@Sendable (any Error, Request) -> Response?)?

  /// All settings at their defaults.
  public init() {}

  /// Ends the program with a sentence if a setting makes no sense.
  func check() {
    require(
      256...(1 << 30) ~= maximumHeadSize, "maximumHeadSize is from 256 bytes to 1 GiB")
    require(0...(1 << 40) ~= maximumBodySize, "maximumBodySize is from 0 to 1 TiB")
    require(maximumBufferedBytes >= 0, "maximumBufferedBytes is not negative")
    require(1 << 16...(1 << 30) ~= stackSize, "stackSize is from 64 KiB to 1 GiB")
    for limit in [
      maximumConnections, maximumConnectionsPerAddress, maximumRequestsPerConnection,
    ] {
      require(limit ?? 1 >= 1, "limits on connections are at least 1")
    }
    for duration in [stopDelay, newConnectionGrace, stopLimit] {
      require(duration >= .zero, "the times of a stop are not negative")
    }
    timeouts.check()
  }

  /// How long to wait for a client before giving up on it, and for a handler.
  public struct Timeouts: Hashable, Sendable {
    /// For a head, from its first byte to its last, however it comes; 10 s by default. Then 408.
    public var head: Duration = .seconds(10)

    /// From one piece of a body to the next; 10 s by default. Then 408.
    public var bodyIdle: Duration = .seconds(10)

    /// For a whole body, before the time that it earns by coming (``minimumBodyRate``); 20 s by default. Then 408.
    public var body: Duration = .seconds(20)

    /// How many bytes of a body earn it one more second; 500 by default.
    ///
    /// After the time that ``body`` gives, this is the slowest that a body may come, in bytes per second on average.
    public var minimumBodyRate = 500

    /// For the first byte of a request, on a new connection and after a response; 15 s by default. Then the connection
    /// closes, and nothing is said.
    public var keepAlive: Duration = .seconds(15)

    /// For a client to take any of what is sent to it; 30 s by default. Then the connection is cut by a reset.
    ///
    /// A client that takes a little now and then may take as long as it likes for the whole.
    public var send: Duration = .seconds(30)

    /// For a client to end its half after we have ended ours, so that it gets to read all of the response; 5 s by default.
    ///
    /// A client that said itself that its request is the last, and of which nothing more has come, is not waited for after a
    /// small response.
    public var linger: Duration = .seconds(5)

    /// For a handler to answer, from its call on; `nil`, the default, is as long as it likes.
    ///
    /// Then the client gets 503, and the connection ends. A response that the handler writes itself (``Response/stream(_:length:status:fields:_:)``)
    /// must be written to its end in this time, and is cut if it is not. What is taken over is not limited, nor is the
    /// sending of a response that the handler gave as a whole. Nothing ends the handler: its thread is busy until it
    /// returns, and what it returns is thrown away.
    public var handler: Duration?

    /// All times at their defaults.
    public init() {}

    /// How long a body may take of which so many bytes have come.
    func body(havingReceived count: Int) -> Duration {
      body + .seconds(count) / minimumBodyRate
    }

    func check() {
      for timeout in [head, bodyIdle, body, keepAlive, send, linger, handler ?? .seconds(1)] {
        require(timeout > .zero, "timeouts are more than nothing")
      }
      require(minimumBodyRate > 0, "minimumBodyRate is at least one byte a second")
    }
  }
}
