import Freetser
import Testing

private struct User: Codable, Equatable, Sendable {
  var email: String
  var age: Int?
}

@Suite("Tables of JSON")
struct TypedTableJSONTests {
  @Test("Values are stored as JSON, members sorted, and come back")
  func users() throws {
    let store = try Store.inMemory(tables: ["users"])
    let users = TypedTable<User>(json: "users")
    try store.execute { storage in
      try users.add("ada", User(email: "ada@example.org", age: 36), in: storage)
      try users.modify("ada", in: storage) { $0.email = "a/b@example.org" }
    }
    let (text, user) = try store.read { snapshot in
      (try snapshot.get("users", "ada")?.text, try users.get("ada", in: snapshot))
    }
    #expect(text == #"{"age":36,"email":"a/b@example.org"}"#)
    #expect(user?.value == User(email: "a/b@example.org", age: 36))
    #expect(user?.counter == 1)
  }

  @Test("What is no such JSON throws, and stays")
  func broken() throws {
    let store = try Store.inMemory(tables: ["users"])
    let users = TypedTable<User>(json: "users")
    try store.execute { try $0.add("users", "ada", "{}") }
    #expect(throws: DecodingError.self) { try store.read { try users.get("ada", in: $0) } }
    #expect(throws: DecodingError.self) {
      try store.execute { try users.modify("ada", in: $0) { $0.age = 1 } }
    }
    #expect(try store.read { try $0.get("users", "ada") }?.text == "{}")
  }
}
