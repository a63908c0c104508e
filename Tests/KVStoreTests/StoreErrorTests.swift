import Glibc
import Testing

@testable import KVStore

@Suite("Errors in words")
struct StoreErrorTests {
  struct Row: CustomTestStringConvertible {
    var error: StoreError
    var testDescription: String
    init(_ error: StoreError, _ text: String) {
      self.error = error
      testDescription = text
    }
  }

  @Test(
    "An error names the thing and the reason, in one line",
    arguments: [
      Row(.entryExists(table: "users", key: "a\nb"), "users already has the key \"a\\nb\""),
      Row(
        .staleCounter(table: "users", key: "ada", expected: 3),
        "the entry \"ada\" of users no longer has the counter 3"),
      Row(
        .counterExhausted(table: "users", key: "ada"),
        "the counter of the entry \"ada\" of users cannot rise any further"),
      Row(.alreadyExpired(expiresAt: 1, now: 2), "the expiry 1 lies before the time 2"),
      Row(.unknownTable("users"), "the store was not opened with the table \"users\""),
      Row(.invalidKey("", .empty), "a key cannot be empty"),
      Row(.invalidKey("\0", .containsNUL), "a key cannot hold the character U+0000"),
      Row(.invalidKey("k", .tooLong(limit: 5)), "a key has at most 5 bytes"),
      Row(.valueTooLarge(limit: 5), "a value has at most 5 bytes"),
      Row(.invalidTableName("a b"), "\"a b\" cannot be the name of a table"),
      Row(.duplicateTable("users"), "the table users was named twice"),
      Row(
        .tableHasOtherLayout("users"), "the file has another kind of users than the store makes"),
      Row(.invalidPath("", .empty), "the path of a store cannot be empty"),
      Row(.invalidPath("\0", .containsNUL), "the path of a store cannot hold the character U+0000"),
      Row(.invalidPath("file:a", .isURI), "\"file:a\" would be read as a URI; write \"./file:a\""),
      Row(.invalidPath(":memory:", .namesMemory), ":memory: is no path; use Store.inMemory"),
      Row(
        .cannotOpen(path: "/a\nb", message: "no such file"),
        "cannot open \"/a\\nb\": no such file"),
      Row(.notADatabase(path: "/a\nb"), "\"/a\\nb\" is not an SQLite database"),
      Row(
        .openElsewhere(path: "a.sqlite", processID: 1),
        "\"a.sqlite\" is open for writing in process 1"),
      Row(
        .openElsewhere(path: "a.sqlite", processID: getpid()),
        "\"a.sqlite\" is open for writing in this process"),
      Row(
        .openElsewhere(path: "a.sqlite", processID: nil),
        "\"a.sqlite\" is open for writing in another process"),
      Row(
        .newerFormat(version: 9), "the file has format 9; this version knows those up to 1"),
      Row(.fileExists(path: "copy.sqlite"), "\"copy.sqlite\" is there already"),
      Row(.reentrant, "a routine cannot use its own store through execute, read or close"),
      Row(.closed, "the store is closed"),
      Row(.queueFull(limit: 5), "5 callers are waiting for the store already"),
      Row(.rollbackFailed(.full), "the store is stuck in a transaction: the disk is full"),
      Row(.timeout, "it took too long"),
      Row(.conflict(retries: 3), "others were in the way, 3 times"),
      Row(.unavailable(message: "no answer"), "the store cannot be reached: no answer"),
      Row(
        .rehearsalDiffered("it returned 2"),
        "the routine did something else when it ran again: it returned 2"),
      Row(.commitOutcomeUnknown(.full), "nobody knows whether it was stored: the disk is full"),
      Row(.busy, "the file stayed locked by another connection"),
      Row(.full, "the disk is full"),
      Row(
        .ioError(code: 266, message: "disk I/O error"),
        "reading or writing failed: disk I/O error (266)"),
      Row(.readOnly, "the file cannot be written"),
      Row(.corrupt(message: "malformed"), "the file is damaged: malformed"),
      Row(.sqlite(code: 1, message: "SQL logic error"), "SQLite failed: SQL logic error (1)"),
    ])
  func description(row: Row) {
    #expect("\(row.error)" == row.testDescription)
  }
}
