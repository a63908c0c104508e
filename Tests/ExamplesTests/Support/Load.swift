// Clients that ask without a pause, and keep account of every answer.

import Threads
import Transport

/// Keeps a server busy until it is told to finish.
///
/// No request may be lost. A fresh connection must be answered, always. Where a connection that was kept open
/// ends before any byte of the response has come, the client asks once more, on a fresh one: RFC 9112 section
/// 9.3.1 lets it, as a server may close an idle connection at any moment.
final class Load: Sendable {
  /// How clients use connections.
  enum Kind: CaseIterable {
    case connectionForEachRequest
    case keptConnection
    /// Each makes an entry of its own, on a connection of its own.
    case writing
  }

  struct Result {
    var answered = 0
    /// The paths of the entries that were acknowledged.
    var entries: [String] = []
    var failures: [String] = []
  }

  private struct State {
    var result = Result()
    var running = 0
    var isOver = false
  }

  private let state = Monitor(State())
  private let endpoint: Endpoint

  init(on endpoint: Endpoint, _ kinds: [Kind] = Kind.allCases, clientsOfEach: Int = 3) throws {
    self.endpoint = endpoint
    for kind in kinds {
      for client in 1...clientsOfEach {
        state.withLock { $0.running += 1 }
        try Thread.startDetached(name: "\(kind)") { [self] in
          do {
            try ask(kind, client)
          } catch {
            state.withLock { $0.result.failures.append("\(kind) \(client): \(error)") }
          }
          state.withLock { $0.running -= 1 }
          state.wakeAll()
        }
      }
    }
  }

  /// Waits for so many further answers, or for the first failure.
  func wait(forAnswers count: Int) {
    let before = state.withLock { $0.result.answered }
    _ = state.wait { state in
      state.result.answered >= before + count || !state.result.failures.isEmpty ? () : nil
    }
  }

  /// Has the clients finish what they are at.
  func finish() -> Result {
    state.withLock { $0.isOver = true }
    return state.wait { $0.running == 0 ? $0.result : nil }!
  }

  private func ask(_ kind: Kind, _ client: Int) throws {
    switch kind {
    case .connectionForEachRequest:
      while goesOn {
        var connection = try WireClient(to: endpoint)
        count(try connection.request("GET", "/").status == 200)
      }
    case .keptConnection:
      while goesOn { try askOnOneConnection() }
    case .writing:
      var number = 0
      while goesOn {
        number += 1
        let path = "/entries/\(client)-\(number)"
        var connection = try WireClient(to: endpoint)
        count(try connection.request("POST", path, body: "value of \(path)").status == 201, path)
      }
    }
  }

  /// Until the server ends the connection, which it may do only between two exchanges.
  private func askOnOneConnection() throws {
    var connection = try WireClient(to: endpoint)
    var isFresh = true
    while goesOn {
      let response: WireResponse
      do {
        response = try connection.request("GET", "/")
      } catch {
        if isFresh || connection.hasUnread { throw error }
        return  // and the next connection asks again
      }
      count(response.status == 200)
      if response.head.contains("\nConnection: close\n") { return }
      isFresh = false
    }
  }

  private var goesOn: Bool { state.withLock { !$0.isOver && $0.result.failures.isEmpty } }

  private func count(_ isRight: Bool, _ entry: String? = nil) {
    state.withLock { state in
      state.result.answered += 1
      if let entry { state.result.entries.append(entry) }
      if !isRight { state.result.failures.append("a wrong status") }
    }
    state.wakeAll()
  }
}
