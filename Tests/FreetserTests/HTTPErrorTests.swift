// What a client is told when a handler throws.

import Freetser
import FreetserTesting
import HTTPTypes
import Testing

@Suite("Errors as answers")
struct HTTPErrorTests {
  private struct Private: Error {}

  private func client(
    throwing error: any Error, _ change: (inout ServerConfiguration) -> Void = { _ in }
  ) throws -> TestClient {
    var configuration = ServerConfiguration()
    change(&configuration)
    return try TestClient(Server(.tcp(port: 0), configuration: configuration) { _ in throw error })
  }

  private struct Problem: Decodable, Equatable {
    var title: String
    var status: Int
    var detail: String?
    var field: String?
  }

  @Test(
    "Problem details, for those who do not ask for a page",
    arguments: [nil, "*/*", "application/json, text/plain, */*"])
  func problem(_ accept: String?) throws {
    let error = HTTPError(
      .badRequest, "“age” is not a number", field: "age", fields: [.retryAfter: "7"])
    let fields: HTTPFields = accept.map { [.accept: $0] } ?? [:]
    let response = try client(throwing: error).get("/", fields: fields)
    #expect(response.status == .badRequest)
    #expect(response.fields["Content-Type"] == "application/problem+json")
    #expect(response.fields["Retry-After"] == "7")
    let problem: Problem = try response.json()
    #expect(
      problem
        == Problem(title: "Bad Request", status: 400, detail: "“age” is not a number", field: "age")
    )
  }

  @Test("A line of text, for those who like that better")
  func text() throws {
    let accept: HTTPFields = [.accept: "text/html,application/xhtml+xml,*/*;q=0.8"]
    let response = try client(throwing: HTTPError(.gone, "It was here")).get("/", fields: accept)
    #expect(response.status == .gone && response.text == "410 Error: Gone: It was here\n")
    #expect(response.fields["Content-Type"] == "text/plain; charset=utf-8")
  }

  @Test(
    "What other errors mean",
    arguments: [
      (StoreError.entryExists(table: "t", key: "k"), 409),
      (.staleCounter(table: "t", key: "k", expected: 1), 409), (.valueTooLarge(limit: 1), 413),
      (.queueFull(limit: 1), 503), (.timeout, 503), (.busy, 503), (.closed, 500), (.full, 500),
      (.invalidKey("", .empty), 400),
    ])
  func others(_ error: StoreError, _ status: Int) throws {
    let response = try client(throwing: error).get("/")
    #expect(response.status.code == status)
    #expect((response.fields["Retry-After"] != nil) == (status == 503))
  }

  @Test("What nobody else's business is, is 500 without a word")
  func unknown() throws {
    let response = try client(throwing: Private()).get("/")
    #expect(response.status == .internalServerError)
    #expect(!response.text.contains("Private"))
  }

  @Test("A program may answer by itself, and leave the rest")
  func own() throws {
    func change(_ configuration: inout ServerConfiguration) {
      configuration.errorResponse = { error, request in
        error is Private ? .text("mine: \(request.path)", status: .conflict) : nil
      }
    }
    let response = try client(throwing: Private(), change).get("/x")
    #expect(response.status == .conflict && response.text == "mine: /x")
    #expect(try client(throwing: HTTPError.notFound, change).get("/").status == .notFound)
  }
}
