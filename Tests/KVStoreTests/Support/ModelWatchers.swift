// Those who read beside a writer whose every state is known.

import Threads

@testable import KVStore

/// The states that a store went through lately: what a snapshot may show.
final class KnownStates: Sendable {
  private struct State {
    /// Which store, as it may be opened anew.
    var store: Store
    /// By number. Those that no watcher can see any more are forgotten.
    var models: [Int: ModelStore]
    /// The newest that was acknowledged.
    var acknowledged = 0
    /// The newest that may be there.
    var begun = 0
    /// The oldest that each watcher may see.
    var watchers: [Int: Int] = [:]
    var isOver = false
  }

  private let state: Monitor<State>

  init(_ store: Store, _ model: ModelStore) {
    state = Monitor(State(store: store, models: [0: model]))
  }

  /// The store will be as the model is; watchers may see it from now on.
  func begin(_ model: ModelStore) {
    state.withLock { state in
      state.begun += 1
      state.models[state.begun] = model
    }
    state.wakeAll()
  }

  /// The store is so: from now on watchers must see it.
  func acknowledge() {
    state.withLock { state in
      state.acknowledged = state.begun
      let oldest = min(state.watchers.values.min() ?? .max, state.acknowledged)
      for number in state.models.keys where number < oldest { state.models[number] = nil }
    }
  }

  func reopened(_ store: Store) { state.withLock { $0.store = store } }

  func end() {
    state.withLock { $0.isOver = true }
    state.wakeAll()
  }

  /// Reads whenever another state begins, until the writer ends. A snapshot may be of any state that was there meanwhile.
  ///
  /// - Returns: How many snapshots there were, and what one showed that no state has.
  func watch(as watcher: Int, _ choice: ModelChoice) throws -> (count: Int, faults: [String]) {
    var choice = choice
    var (count, newest) = (0, 0)
    while let store = begin(watcher, after: &newest) {
      let readings = (0..<choice.number(1...4)).map { _ in choice.reading() }
      do {
        let outcomes = try store.read { snapshot in
          var outcomes: [Outcome] = []
          for reading in readings { outcomes.append(reading.perform(on: snapshot)) }
          return outcomes
        }
        let possible = end(watcher)
        count += 1
        if !possible.contains(where: { model in
          zip(readings, outcomes).allSatisfy { $0.perform(on: model) == $1 }
        }) {
          return (count, ["\(readings) gave \(outcomes), which none of \(possible) has"])
        }
      } catch StoreError.closed {
        _ = end(watcher)  // opened anew soon
      }
    }
    return (count, [])
  }

  /// The store, once a state has begun that is newer than the newest before; `nil` when the writer is done.
  private func begin(_ watcher: Int, after newest: inout Int) -> Store? {
    let next = state.wait { [newest] state -> (store: Store?, begun: Int)? in
      if state.isOver { return (nil, newest) }
      guard state.begun > newest else { return nil }
      state.watchers[watcher] = state.acknowledged
      return (state.store, state.begun)
    }
    newest = next?.begun ?? newest
    return next?.store
  }

  /// What the watcher may have seen.
  private func end(_ watcher: Int) -> [ModelStore] {
    state.withLock { state in
      guard let first = state.watchers.removeValue(forKey: watcher) else { return [] }
      return (first...state.begun).compactMap { state.models[$0] }
    }
  }
}
