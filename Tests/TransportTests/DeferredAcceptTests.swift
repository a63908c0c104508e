import Testing
import Threads

@testable import Transport

@Suite("When connections are held back", .serialized, .onOwnThread)
struct DeferredAcceptTests {
  let start = MonotonicTime.now()
  let listener: Listener

  init() throws {
    listener = try loopbackListener(options: Self.mayDefer)
  }

  @Test("for a second after a thread that was done took the one that waited")
  func takenWhileWaiting() throws {
    var deferred = DeferredAccept(of: listener)
    deferred.look(start)
    #expect(!listener.holdsBack && deferred.deadline == .distantFuture)

    try takeOneThatWaits()
    deferred.look(start)
    #expect(listener.holdsBack && deferred.deadline == start + .seconds(1))
    try takeOneThatWaits()
    let later = start + .milliseconds(900)
    deferred.look(later)
    #expect(listener.holdsBack && deferred.deadline == later + .seconds(1))

    deferred.look(later + .milliseconds(999))
    #expect(listener.holdsBack)
    deferred.look(later + .seconds(1))
    #expect(!listener.holdsBack && deferred.deadline == .distantFuture)
  }

  @Test("until a thread has to be started")
  func startedThread() throws {
    var deferred = DeferredAccept(of: listener)
    try takeOneThatWaits()
    deferred.look(start)
    try takeOneThatWaits()
    deferred.startedThread()
    #expect(!listener.holdsBack && deferred.deadline == .distantFuture)
    deferred.look(start)
    #expect(!listener.holdsBack)
  }

  @Test("only where it is allowed, and never once a stop is expected")
  func mayNot() throws {
    let directory = TemporaryDirectory()
    for listener in [
      try loopbackListener(),
      try Listener(.unix(path: "\(directory.path)/socket"), options: Self.mayDefer),
    ] {
      listener.holdBack(true)
      #expect(!listener.holdsBack)
      listener.close()
    }
    listener.holdBack(true)
    let server = ConnectionThreads(listeners: [listener]) { _ in }
    server.expectStop()
    #expect(!listener.holdsBack)
    server.stop(within: .zero)
  }

  @Test("while many clients come and go, and not when they are gone")
  func comeAndGo() throws {
    let server = try echoServer([listener])
    let address = listener.boundAddress
    let clients = Monitor((running: 4, shallStop: false))
    for number in 1...4 {
      try Thread.startDetached(name: "client-\(number)") {
        while !clients.withLock({ $0.shallStop }) {
          do {
            try exchange("hello", with: try connect(to: address))
          } catch {
            fatalError("\(error)")
          }
        }
        clients.withLock { $0.running -= 1 }
        clients.wakeAll()
      }
    }
    try waitUntil { listener.holdsBack }
    clients.withLock { $0.shallStop = true }
    _ = clients.wait { $0.running == 0 ? true : nil }
    try waitUntil { !listener.holdsBack }
    #expect(server.stop(within: patience).endedInTime)
  }

  private static var mayDefer: ListenerOptions {
    var options = ListenerOptions()
    options.deferAccept = true
    return options
  }

  /// Has a client connect, and takes its connection as a thread does that is done.
  private func takeOneThatWaits() throws {
    let client = try connect(to: listener.boundAddress)
    // It is held back until then, if they are.
    try client.send(".")
    try waitUntil { listener.acceptWaiting() != nil }
  }
}
