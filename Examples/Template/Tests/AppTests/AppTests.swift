import Freetser
import FreetserTesting
import Testing

@testable import App

@Test func countsVisits() throws {
  let store = try Store.inMemory(tables: tables)
  let app = try TestClient(Server(.tcp(port: 0), routes: routes(store)))  // no port, no sleep
  #expect(try app.get("/hello/Ada").text == "Hello Ada, for the 1. time!\n")
  #expect(try app.get("/hello/Ada").text == "Hello Ada, for the 2. time!\n")
  #expect(try app.get("/hello").status == .notFound)
}
