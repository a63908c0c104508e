// A client that does one thing after the other, and notes what comes.

package import Threads

/// A client with a script.
///
/// It takes whatever comes as soon as it comes. When the script is over it stays, until the server closes.
package final class ScriptedClient: SimulatedClient {
  /// One thing to do.
  package enum Action: Sendable {
    /// Sends text in which each line feed stands for CR LF.
    case send(String)
    /// Sends the same again and again, until something comes or the server has ended.
    case sendRepeatedly(String, every: Duration)
    case pause(Duration)
    /// Waits until the text has come, or the server has ended.
    case wait(for: String)
    case endSending
    case close
    case reset
    /// From here on takes nothing.
    case stopTaking
    /// From here on takes so many bytes at a time.
    case take(Int, every: Duration)
  }

  private let script: [Action]
  private var next = 0
  /// When the next action began to be next, or when it is due again.
  private var since: MonotonicTime?
  private var taking: (count: Int, gap: Duration)? = (.max, .zero)
  private var nextTake: MonotonicTime?
  private var bytes: [UInt8] = []
  /// How much of what came the waits before have used up.
  private var used = 0
  private var isGone = false

  /// How old the connection was when each action was done.
  package private(set) var times: [Duration] = []
  /// How old it was when something came last.
  package private(set) var lastArrival: Duration?
  /// How old it was when the client saw the server's end, or a reset.
  package private(set) var end: Duration?
  package private(set) var sawReset = false

  package init(_ script: [Action]) {
    self.script = script
  }

  /// What came, with line feeds alone.
  package var text: String {
    String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
  }

  /// How many bytes came.
  package var count: Int { bytes.count }

  package func nextAction(on wire: SimulatedWire) -> MonotonicTime? {
    isGone ? nil : earliest(takeTime(wire), scriptTime(wire))
  }

  package func act(on wire: SimulatedWire) {
    if let time = takeTime(wire), time <= wire.now {
      take(from: wire)
    } else if let time = scriptTime(wire), time <= wire.now {
      perform(script[next], on: wire)
    }
  }

  // MARK: Taking

  private func takeTime(_ wire: SimulatedWire) -> MonotonicTime? {
    if wire.isReset, !sawReset { return wire.now }
    guard taking != nil else { return nil }
    if wire.available > 0 { return max(wire.now, nextTake ?? wire.now) }
    return wire.isAtEnd && end == nil ? wire.now : nil
  }

  private func take(from wire: SimulatedWire) {
    if wire.isReset {
      sawReset = true
      end = end ?? wire.age
    } else if wire.available > 0, let (count, gap) = taking {
      bytes += wire.take(atMost: count)
      lastArrival = wire.age
      nextTake = wire.now + gap
    } else {
      end = wire.age
    }
  }

  // MARK: The script

  private func scriptTime(_ wire: SimulatedWire) -> MonotonicTime? {
    guard next < script.count else { return nil }
    let since = since ?? wire.now
    self.since = since
    switch script[next] {
    case .wait(let text): return find(text) != nil || end != nil ? wire.now : nil
    case .pause(let time): return since + time
    default: return since
    }
  }

  private func perform(_ action: Action, on wire: SimulatedWire) {
    since = wire.now
    switch action {
    case .send(let text): wire.send(wireBytes(text))
    case .sendRepeatedly(let text, let gap):
      if bytes.count == used, end == nil {
        wire.send(wireBytes(text))
        since = wire.now + gap
        return
      }
    case .pause: break
    case .wait(let text): used = find(text) ?? used
    case .endSending: wire.endSending()
    case .close:
      wire.close()
      isGone = true
    case .reset:
      wire.reset()
      isGone = true
    case .stopTaking: taking = nil
    case .take(let count, let gap): taking = (count, gap)
    }
    times.append(wire.age)
    next += 1
  }

  private func wireBytes(_ text: String) -> [UInt8] {
    text.utf8.flatMap { $0 == 0x0a ? [0x0d, 0x0a] : [$0] }
  }

  /// Where the text ends in what came and was not used, if it is there.
  private func find(_ text: String) -> Int? {
    let sought = wireBytes(text)
    guard bytes.count - used >= sought.count else { return nil }
    return (used...(bytes.count - sought.count)).first {
      bytes[$0..<($0 + sought.count)].elementsEqual(sought)
    }.map { $0 + sought.count }
  }
}
