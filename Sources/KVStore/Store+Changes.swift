// Following what is stored.

import Threads

extension Store {
  /// The changes of a table or of all, from now on or from a moment before.
  ///
  /// ```swift
  /// var changes = try store.changes(in: "notes")
  /// while let event = try changes.next(within: .seconds(15)) { … }
  /// ```
  ///
  /// Changes come after they were committed, in the order of the commits: whoever is told of one finds it with
  /// `read`. The last ``Limits/keptChanges`` are kept. Who is slower, or asks for older ones, is told that
  /// changes were missed. What other programs write into the file is not seen, nor what another opening of it does.
  ///
  /// - Parameters:
  ///   - table: The table; `nil` for all.
  ///   - range: Which keys.
  ///   - sequence: Goes on after the change of this number, as its ``ChangeEvent/sequence`` was; without it the next change is
  ///     the first.
  /// - Throws: ``StoreError``: `.unknownTable`; `.closed`; the first time also `.queueFull`, and `.reentrant` in a routine of
  ///   this store.
  public func changes(
    in table: Table? = nil, _ range: KeyRange = .all, after sequence: Int64? = nil
  ) throws -> Changes {
    if let table, !tables.contains(table) { throw StoreError.unknownTable(table) }
    // Between two transactions: one that goes on already would leave out what it has written.
    if !feed.isWatched { try executor.run { _ in feed.watch() } }
    let last = try feed.last()
    return Changes(feed, ChangeFilter(table: table, range: range), after: sequence ?? last)
  }
}

/// The changes of a store, one after the other; made by ``Store/changes(in:_:after:)``.
///
/// A copy goes on by itself from where it was copied. It costs nothing while nobody asks it.
public struct Changes: Sendable {
  private let feed: ChangeFeed
  private let filter: ChangeFilter
  /// The number of the last change that it has looked at, to go on after in another stream.
  public private(set) var sequence: Int64

  init(_ feed: ChangeFeed, _ filter: ChangeFilter, after sequence: Int64) {
    self.feed = feed
    self.filter = filter
    self.sequence = sequence
  }

  /// Waits for the next change on the calling thread.
  ///
  /// - Parameter limit: How long; `nil` for as long as it takes.
  /// - Returns: `nil` if there was none.
  /// - Throws: `.closed` when the store is closed and all was read.
  public mutating func next(
    within limit: Duration? = nil
  ) throws(StoreError) -> ChangeEvent? {
    try feed.next(
      after: &sequence, filter, until: limit.map { .now() + $0 } ?? .distantFuture)
  }
}

extension Changes: AsyncSequence, AsyncIteratorProtocol {
  /// Waits for the next change without keeping a thread.
  ///
  /// - Returns: `nil` when the store is closed and all was read.
  /// - Throws: `CancellationError`.
  public mutating func next() async throws -> ChangeEvent? {
    do {
      return try await feed.next(after: &sequence, filter)
    } catch StoreError.closed {
      return nil
    }
  }

  /// Itself.
  public func makeAsyncIterator() -> Changes { self }
}
