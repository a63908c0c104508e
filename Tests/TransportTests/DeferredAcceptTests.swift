import Testing
import Threads

@testable import Transport

@Suite("When connections are held back", .serialized, .onOwnThread)
struct DeferredAcceptTests {
  private let start = MonotonicTime.now()

  @Test("for a second after a thread that was done found one waiting")
  func time() {
    var deferred = DeferredAccept(isAllowed: true)
    #expect(!deferred.isOn)
    deferred.foundWaiting(start)
    deferred.foundWaiting(start + .milliseconds(500))
    deferred.look(start + .milliseconds(1_499))
    #expect(deferred.isOn)
    deferred.look(start + .milliseconds(1_500))
    #expect(!deferred.isOn)
  }

  @Test("until a thread has to be started")
  func needsThread() {
    var deferred = DeferredAccept(isAllowed: true)
    deferred.foundWaiting(start)
    deferred.needsThread()
    #expect(!deferred.isOn)
    deferred.foundWaiting(start)
    #expect(deferred.isOn)
  }

  @Test("only where it is allowed")
  func forbidden() throws {
    var deferred = DeferredAccept(isAllowed: true)
    deferred.foundWaiting(start)
    deferred.forbid()
    #expect(!deferred.isOn)
    deferred.foundWaiting(start)
    #expect(!deferred.isOn)

    let directory = TemporaryDirectory()
    let path = Endpoint.unix(path: "\(directory.path)/socket")
    for listener in [try loopbackListener(), try Listener(path, options: mayDefer)] {
      listener.deferAccept { $0.foundWaiting(start) }
      #expect(!listener.deferAccept { $0.isOn })
    }
  }

  @Test("a listener begins when one is taken that waits, and ends while it waits for the next")
  func listener() throws {
    let listener = try loopbackListener(options: mayDefer)
    let client = try connect(to: listener.boundAddress)
    try waitUntil { listener.acceptWaiting() != nil }
    #expect(listener.deferAccept { $0.isOn })

    listener.deferAccept { $0.foundWaiting(.now() + .milliseconds(-990)) }
    #expect(throws: TransportError.timedOut) {
      _ = try listener.accept(until: .now() + .milliseconds(20))
    }
    #expect(!listener.deferAccept { $0.isOn })
    client.close()
  }

  @Test("kept threads leave it as it is; one that is started ends it, and a stop that is expected")
  func threads() throws {
    let listener = try loopbackListener(options: mayDefer)
    var options = ConnectionThreads.Options()
    options.keptThreadTime = .seconds(1_000)
    let server = try echoServer([listener], options: options)
    let first = try connect(to: listener.boundAddress)
    try exchange("started", with: first)
    listener.deferAccept { $0.foundWaiting(.distantFuture) }
    let second = try connect(to: listener.boundAddress)
    try exchange("started", with: second)
    try waitUntil { !listener.deferAccept { $0.isOn } }

    second.close()
    try waitUntil { server.idleThreads == 1 }
    listener.deferAccept { $0.foundWaiting(.distantFuture) }
    try exchange("kept", with: try connect(to: listener.boundAddress))
    #expect(listener.deferAccept { $0.isOn })
    server.expectStop()
    #expect(!listener.deferAccept { $0.isOn })
    first.close()
    #expect(server.stop(within: patience).endedInTime)
  }

  private var mayDefer: ListenerOptions {
    var options = ListenerOptions()
    options.deferAccept = true
    return options
  }
}
