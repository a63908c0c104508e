// The pages that load balancers and service managers look at.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing
import Threads

@Suite("Health", .serialized)
struct HealthTests {
  private func client(store: Store? = nil, isStopping: Bool = false) throws -> TestClient {
    var routes = Routes()
    routes.get("/healthz", handler: .health)
    routes.get("/readyz", handler: .readiness(store: store))
    let stopping: Middleware = { request, next in
      var request = request
      if isStopping { request.isServerReady = false }
      return try next(request)
    }
    return try TestClient(Server(.tcp(port: 0), routes: routes.through(stopping)))
  }

  @Test("A server that answers is alive, also while it stops; nothing is kept of that")
  func health() throws {
    for isStopping in [false, true] {
      let client = try client(isStopping: isStopping)
      let response = try client.get("/healthz")
      #expect(response.status == .ok && response.text == "ok\n")
      #expect(response.fields["Cache-Control"] == "no-store")
      #expect(try client.send(.head, "/healthz").status == .ok)
    }
  }

  @Test("A server is ready until it is asked to stop")
  func readiness() throws {
    let store = try Store.inMemory(tables: ["a"])
    for store in [nil, store, try Store.inMemory(tables: [])] {
      let ready = try client(store: store).get("/readyz")
      #expect(ready.status == .ok && ready.text == "ready\n")
      #expect(ready.fields["Cache-Control"] == "no-store")
      let stopping = try client(store: store, isStopping: true).get("/readyz")
      #expect(stopping.status == .serviceUnavailable)
      #expect(stopping.text == "not ready: the server is stopping\n")
      #expect(stopping.fields["Cache-Control"] == "no-store")
    }
  }

  @Test("A store that is closed does not answer")
  func closed() throws {
    let path = try makeTemporaryPath(suffix: ".sqlite")
    let store = try Store(path: path, tables: ["a"])
    let client = try client(store: store)
    #expect(try client.get("/readyz").status == .ok)
    try store.close()
    let response = try client.get("/readyz")
    #expect(response.status == .serviceUnavailable)
    #expect(response.text == "not ready: the store does not answer\n")
  }

  @Test("A store that is busy for more than a second does not answer, and does again afterwards")
  func busy() throws {
    let store = try Store.inMemory(tables: ["a"])
    let client = try client(store: store)
    let gate = Monitor((isHeld: false, isOpen: false))
    try Thread.startDetached(name: "holder") {
      try? store.execute { _ in
        gate.withLock { $0.isHeld = true }
        gate.wakeAll()
        _ = gate.wait(until: .now() + .seconds(60)) { $0.isOpen ? () : nil }
      }
      gate.withLock { $0.isHeld = false }
      gate.wakeAll()
    }
    _ = gate.wait(until: .now() + .seconds(60)) { $0.isHeld ? () : nil }
    #expect(try client.get("/readyz").status == .serviceUnavailable)
    gate.withLock { $0.isOpen = true }
    gate.wakeAll()
    _ = gate.wait(until: .now() + .seconds(60)) { $0.isHeld ? nil : () }
    #expect(try client.get("/readyz").status == .ok)
  }
}
