// How notes are kept.

import Freetser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Table {
  static let notes: Table = "notes"
  static let numbers: Table = "numbers"
}

/// What somebody writes.
struct NewNote: Codable, Sendable {
  var text: String

  /// Without the space around it.
  ///
  /// - Throws: ``HTTPError`` if nothing is left, or too much.
  func checked() throws(HTTPError) -> String {
    let trimmed = text.trimmingSpace
    guard !trimmed.isEmpty else { throw HTTPError(.badRequest, "A note has a text", field: "text") }
    guard trimmed.utf8.count <= 10_000 else {
      throw HTTPError(.badRequest, "A note has at most 10,000 bytes", field: "text")
    }
    return trimmed
  }
}

/// A note as it is told.
struct Note: Codable, Equatable, Sendable {
  var id: String
  /// Rises with each change.
  var version: Int64
  var text: String
  /// Seconds since 1970.
  var writtenAt: Int64

  var json: [UInt8] {
    get throws { Array(try JSONEncoder().encode(self)) }
  }
}

/// The notes of a store, the oldest first.
struct NoteBook: Sendable {
  let store: Store

  private struct Stored: Codable, Sendable {
    var text: String
    var writtenAt: Int64
  }

  struct Page: Codable, Sendable {
    var notes: [Note]
    /// What to ask for next; `nil` at the end.
    var after: String?
  }

  private let table = TypedTable<Stored>(json: .notes)

  init(store: Store) { self.store = store }

  func note(_ id: String) throws -> Note? {
    try store.read { try table.get(id, in: $0).map { note(id, $0) } }
  }

  func newest(_ count: Int) throws -> [Note] {
    var notes: [Note] = []
    try store.read { snapshot in
      try table.forEach(in: snapshot, backwards: true) { id, entry in
        notes.append(note(id, entry))
        return notes.count < count
      }
    }
    return notes
  }

  func page(after id: String?, limit: Int) throws -> Page {
    var notes: [Note] = []
    var isEnd = true
    try store.read { snapshot in
      try table.forEach(in: snapshot, range: id.map { .from($0) } ?? .all) { next, entry in
        if next == id { return true }
        isEnd = notes.count < max(1, limit)
        if isEnd { notes.append(note(next, entry)) }
        return isEnd
      }
    }
    return Page(notes: notes, after: isEnd ? nil : notes.last?.id)
  }

  /// Gives `body` one note after the other, at constant memory.
  func forEach(_ body: (Note) throws -> Void) throws {
    try store.read { snapshot in
      try table.forEach(in: snapshot) { id, entry in
        try body(note(id, entry))
        return true
      }
    }
  }

  @discardableResult
  func add(_ new: NewNote, now: Timestamp) throws -> Note {
    let stored = Stored(text: try new.checked(), writtenAt: now.secondsSince1970)
    return try store.execute { storage in
      // Of one length, so that the order of the keys is that of the numbers.
      let number = String(try storage.increment(.numbers, "notes"))
      let id = String(repeating: "0", count: max(0, 12 - number.count)) + number
      try table.add(id, stored, in: storage)
      return Note(id: id, version: 0, text: stored.text, writtenAt: stored.writtenAt)
    }
  }

  /// - Parameter check: Is given the note's version, and throws if it is not the one that was meant.
  func change(
    _ id: String, to new: NewNote, _ check: @Sendable (Int64) throws -> Void
  ) throws -> Note {
    let text = try new.checked()
    return try store.execute { storage in
      guard let old = try table.get(id, in: storage) else { throw HTTPError.notFound }
      try check(old.counter)
      let stored = Stored(text: text, writtenAt: old.value.writtenAt)
      try table.update(id, stored, ifCounter: old.counter, in: storage)
      return Note(id: id, version: old.counter + 1, text: text, writtenAt: stored.writtenAt)
    }
  }

  @discardableResult
  func delete(_ id: String) throws -> Bool {
    try store.execute { try table.delete(id, in: $0) }
  }

  private func note(_ id: String, _ entry: TypedTable<Stored>.Entry) -> Note {
    Note(
      id: id, version: entry.counter, text: entry.value.text, writtenAt: entry.value.writtenAt)
  }
}

/// What became of a note, for the pages that are open.
struct NoteChange: Codable {
  var id: String
  /// `nil` if it was deleted.
  var html: String?

  init(of id: String, now note: Note?) {
    self.id = id
    html = note.map { Page.item($0) }
  }

  func event(_ sequence: Int64) throws -> ServerSentEvent {
    ServerSentEvent(
      id: "\(sequence)", data: String(decoding: try JSONEncoder().encode(self), as: UTF8.self))
  }
}

extension String {
  /// Without white space at its ends.
  fileprivate var trimmingSpace: String {
    let end = lastIndex { !$0.isWhitespace }
    return end.map { String(self[...$0].drop(while: \.isWhitespace)) } ?? ""
  }
}
