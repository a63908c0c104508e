// docs/state-machine.md is printed from the transition functions, so that it cannot be out of date.

import Foundation
import Testing

@testable import HTTPCore

@Suite("docs/state-machine.md")
struct StateMachineDocumentTests {
  private static let path = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "docs/state-machine.md")

  @Test("It says what the code does; FREETSER_WRITE_DOCS=1 writes it anew")
  func isCurrent() throws {
    if ProcessInfo.processInfo.environment["FREETSER_WRITE_DOCS"] != nil {
      try document.write(to: Self.path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: Self.path, encoding: .utf8) == document)
  }

  private var document: String {
    """
    # The state machine

    Printed from `Sources/HTTPCore/Lifecycle.swift` by `StateMachineDocumentTests`; do not edit. Each half of a connection,
    the client's and the server's, is in one state. An arrow with a name is an event, sent or received: the same rules bind
    both ends. What is refused has no arrow.

    ## The client's half

    \(diagram(.client))

    ## The server's half

    It sees requests too: that is how it gets something to answer.

    \(diagram(.server))

    ## What moves by itself

    After each event, until nothing moves. `persistent` is whether both ends are willing to go on; a proposal is an `Upgrade` or a
    CONNECT that is not answered yet.

    | half | from | to | when |
    | --- | --- | --- | --- |
    \(joint.joined(separator: "\n"))

    When both halves are `done`, `startNextExchange()` makes both `idle`. A rule that is broken makes the half of whoever broke it
    `failed`, from any state.

    """
  }

  private func diagram(_ role: Role) -> String {
    var lines = ["```mermaid", "stateDiagram-v2", "  [*] --> idle"]
    for state in PeerState.allCases {
      for event in EventKind.allCases {
        if let next = nextState(role, state, on: event) {
          lines.append("  \(state) --> \(next): \(event)")
        }
      }
    }
    return (lines + ["```"]).joined(separator: "\n")
  }

  /// A row for each state that moves by itself, with the conditions that all such moves have in common.
  private var joint: [String] {
    var rows: [String] = []
    for from in PeerState.allCases {
      for to in PeerState.allCases where to != from {
        let client = conditions { other, proposal, persistent in
          settledClient(from, beside: other, proposal, persistent: persistent) == to
        }
        if let client { rows.append("| client | `\(from)` | `\(to)` | \(client) |") }
        let server = conditions { other, _, persistent in
          settledServer(from, beside: other, persistent: persistent) == to
        }
        if let server { rows.append("| server | `\(from)` | `\(to)` | \(server) |") }
      }
    }
    return rows
  }

  /// When a move happens, in words: the simplest of the descriptions that fit all cases, or the cases themselves.
  private func conditions(
    _ moves: (PeerState, SwitchProposal, Bool) -> Bool
  ) -> String? {
    typealias Case = (other: PeerState, proposal: SwitchProposal, persistent: Bool)
    let all: [Case] = PeerState.allCases.flatMap { other in
      [SwitchProposal.none, .upgrade].flatMap { proposal in
        [true, false].map { (other, proposal, $0) }
      }
    }
    let moving = all.filter { moves($0.other, $0.proposal, $0.persistent) }
    if moving.isEmpty { return nil }
    func always(_ other: PeerState) -> Bool {
      all.filter { $0.other == other && $0.proposal == .none }
        .allSatisfy { moves($0.other, $0.proposal, $0.persistent) }
    }
    // Whatever the other half is, but for what another rule says of it first.
    let others = PeerState.allCases.filter(always)
    if others.count > PeerState.allCases.count / 2 { return "there is no proposal any more" }
    var words = others.map { "the other half is `\($0)`" }
    func allMove(_ cases: [Case]) -> Bool {
      cases.allSatisfy { moves($0.other, $0.proposal, $0.persistent) }
    }
    if allMove(all.filter { $0.proposal != .none }) { words.append("there is a proposal") }
    if allMove(all.filter { !$0.persistent && $0.proposal == .none }) {
      words.append("the connection does not persist")
    }
    return words.joined(separator: ", or ")
  }
}
