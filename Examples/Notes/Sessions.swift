// Who is logged in.

import Freetser

extension Table {
  static let sessions: Table = "sessions"
}

/// Sessions: a random name in a cookie, kept in the store until it expires.
struct Sessions: Sendable {
  static let cookieName = "__Host-session"
  /// In seconds.
  private static let length: Int64 = 30 * 24 * 3600

  let store: Store
  let now: @Sendable () -> Timestamp

  /// Begins a session.
  func begin() throws -> Cookie {
    // 128 bits of the system's random numbers, which nobody guesses.
    let name = String(UInt128.random(in: 0...UInt128.max), radix: 36)
    let now = now()
    let end = Timestamp(secondsSince1970: now.secondsSince1970 + Self.length)
    try store.execute { try $0.add(.sessions, name, "", expiresAt: end, now: now) }
    return Cookie(Self.cookieName, name, maxAge: .seconds(Self.length))
  }

  func isOpen(for request: Request) throws -> Bool {
    guard let name = name(in: request) else { return false }
    let now = now()
    return try store.read { try $0.get(.sessions, name, now: now) } != nil
  }

  func end(of request: Request) throws {
    guard let name = name(in: request) else { return }
    _ = try store.execute { try $0.delete(.sessions, name) }
  }

  private func name(in request: Request) -> String? {
    // What is no key was never a session.
    request.cookies[Self.cookieName].flatMap { 1...64 ~= $0.utf8.count ? $0 : nil }
  }
}
