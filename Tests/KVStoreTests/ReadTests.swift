import Glibc
import Synchronization
import Testing
import Threads

@testable import KVStore

private struct Refusal: Error, Equatable {}

@Suite("Reading beside those who write")
struct ReadTests {
  let directory = TemporaryDirectory()
  let store: Store

  init() throws {
    store = try Store(
      path: directory.file("test.sqlite"), tables: [.accounts], busyTimeout: .milliseconds(20))
    try store.execute { try $0.add(.accounts, "ada", "1") }
  }

  private func balance(_ snapshot: borrowing Snapshot) throws -> String? {
    try snapshot.get(.accounts, "ada")?.text
  }

  @Test("A read sees what was acknowledged before it, on the caller's own thread")
  func sees() throws {
    let thread = ThreadID.current
    try store.read { snapshot in
      let text = try balance(snapshot)
      #expect(text == "1")
      #expect(ThreadID.current == thread)
    }
    for number in 0..<100 {
      try store.execute { try $0.overwrite(.accounts, "ada", "\(number)") }
      #expect(try store.read { try balance($0) } == "\(number)")
    }
  }

  @Test("What a read returns need not be for other threads")
  func notSendable() throws {
    final class Box { var text = "" }
    let box = Box()
    let same = try store.read { snapshot in
      box.text = try balance(snapshot) ?? ""
      return box
    }
    #expect(same === box && box.text == "1")
  }

  @Test("One snapshot from its first verb to its end, whatever is written meanwhile")
  func oneSnapshot() throws {
    let store = store
    try store.read { snapshot in
      #expect(try balance(snapshot) == "1")
      try onThreads(1) { _ in
        try store.execute { storage in
          try storage.overwrite(.accounts, "ada", "2")
          try storage.add(.accounts, "bob", "")
        }
      }
      #expect(try balance(snapshot) == "1")
      #expect(try snapshot.listKeys(.accounts) == ["ada"])
      #expect(try snapshot.count(.accounts) == 1)
    }
    #expect(try store.read { try $0.count(.accounts) } == 2)
  }

  @Test("A read does not wait for a routine that writes")
  func besideWriter() throws {
    let store = store
    let (wrote, read) = (Event(), Event())
    let done = Event()
    try startThread("writer") {
      try store.execute { storage in
        try storage.overwrite(.accounts, "ada", "2")
        wrote.signal()
        read.wait()
      }
      done.signal()
    }
    wrote.wait()
    #expect(try store.read { try balance($0) } == "1")
    read.signal()
    done.wait()
    #expect(try store.read { try balance($0) } == "2")
  }

  @Test("An error of the routine's own arrives unchanged, and the connection is lent again")
  func throwing() throws {
    for _ in 0..<100 {
      #expect(throws: Refusal()) { try store.read { _ in throw Refusal() } }
    }
    #expect(throws: StoreError.unknownTable("x")) { try store.read { try $0.count("x") } }
    #expect(store.readers?.count == 1)
    #expect(try store.read { try balance($0) } == "1")
  }

  @Test("16 threads read and write at once")
  func manyThreads() throws {
    let store = store
    try onThreads(16) { thread in
      var last = 0
      for round in 0..<200 {
        if thread < 2, round.isMultiple(of: 4) {
          _ = try store.execute { try $0.increment(.accounts, "ada") }
        }
        let number = Int(try store.read { try $0.get(.accounts, "ada")!.text! })!
        precondition(number >= last, "\(number) came after \(last)")
        last = number
      }
    }
    #expect(try store.read { try balance($0) } == "101")
    #expect(store.readers!.count <= Store.Limits.readers)
  }

  @Test("More readers than connections take turns")
  func turns() throws {
    let store = store
    let reading = Monitor(0)
    let release = Event()
    let done = Monitor(0)
    for number in 0..<(Store.Limits.readers + 8) {
      try startThread("reader \(number)") {
        try store.read { snapshot in
          _ = try snapshot.count(.accounts)
          reading.withLock { $0 += 1 }
          reading.wakeAll()
          release.wait()
        }
        done.withLock { $0 += 1 }
        done.wakeAll()
      }
    }
    _ = reading.wait { $0 == Store.Limits.readers ? true : nil }
    #expect(store.readers?.count == Store.Limits.readers)
    // Who writes needs none of them.
    try store.execute { try $0.overwrite(.accounts, "ada", "2") }
    release.signal()
    _ = done.wait { $0 == Store.Limits.readers + 8 ? true : nil }
    #expect(store.readers?.count == Store.Limits.readers)
  }

  @Test(
    "A read inside a routine of the same store is .reentrant, in memory too",
    arguments: [true, false])
  func reentrant(inMemory: Bool) throws {
    let store = inMemory ? try Store.inMemory(tables: [.accounts]) : store
    #expect(throws: StoreError.reentrant) { try store.execute { _ in try store.read { _ in } } }
    #expect(throws: StoreError.reentrant) { try store.read { _ in try store.read { _ in } } }
    #expect(throws: StoreError.reentrant) { try store.read { _ in try store.close() } }
    _ = try store.read { try $0.count(.accounts) }
  }

  @Test("close waits for those who read, and refuses others")
  func close() throws {
    let store = store
    let (reads, release) = (Event(), Event())
    let order = Mutex<[String]>([])
    let closed = Event()
    try startThread("reader") {
      try store.read { snapshot in
        _ = try snapshot.count(.accounts)
        reads.signal()
        release.wait()
        _ = try snapshot.count(.accounts)
        order.withLock { $0.append("read") }
      }
    }
    reads.wait()
    try startThread("closer") {
      try store.close()
      order.withLock { $0.append("closed") }
      closed.signal()
    }
    while store.readers!.count > 0, (try? store.read { _ in }) != nil { sched_yield() }
    #expect(throws: StoreError.closed) { try store.read { _ in } }
    release.signal()
    closed.wait()
    #expect(order.withLock { $0 } == ["read", "closed"])
    #expect(throws: StoreError.closed) { try store.read { _ in } }
    try store.close()
    #expect(openFiles(in: directory) == [])
    #expect(directory.names == ["test.sqlite"])  // the log was copied into it
  }

  @Test("close inside a routine changes nothing")
  func closeInside() throws {
    let store = store
    #expect(throws: StoreError.reentrant) { try store.execute { _ in try store.close() } }
    #expect(throws: StoreError.reentrant) { try store.read { _ in try store.close() } }
    #expect(try store.read { try balance($0) } == "1")
    try store.execute { try $0.overwrite(.accounts, "ada", "2") }
  }

  @Test("Once close has begun, execute inside a read is refused, and both end")
  func executeInsideReadWhileClosing() throws {
    let store = store
    let (reads, done) = (Event(), Event())
    let result = Mutex<StoreError?>(nil)
    try startThread("reader") {
      try store.read { snapshot in
        _ = try snapshot.count(.accounts)
        reads.signal()
        do {
          // Until it is refused.
          while true { try store.execute { try $0.overwrite(.accounts, "ada", "2") } }
        } catch {
          let error = error as? StoreError
          result.withLock { $0 = error }
        }
      }
      done.signal()
    }
    reads.wait()
    try store.close()
    done.wait()
    #expect(result.withLock { $0 } == .closed)
  }

  @Test("Two that close at once both return when the file is closed, log and all")
  func closedTwice() throws {
    for _ in 0..<50 {
      let directory = TemporaryDirectory()
      let store = try Store(path: directory.file("a.sqlite"), tables: [.accounts])
      try store.execute { try $0.add(.accounts, "ada", "") }
      try onThreads(2) { _ in
        try store.close()
        precondition(openFiles(in: directory) == [])
      }
      #expect(directory.names == ["a.sqlite"])
    }
  }

  @Test("Readers that follow each other without a gap do not let the log grow without end")
  func starvedLog() throws {
    let path = directory.file("busy.sqlite")
    let store = try Store(
      path: path, tables: [.accounts], durability: .normal, busyTimeout: .seconds(5),
      logPagesForRestart: 500)
    let value = [UInt8](repeating: 7, count: 4_000)
    let isOver = Atomic(false)
    let ended = Monitor(0)
    for number in 0..<4 {
      try startThread("reader \(number)") {
        while !isOver.load(ordering: .relaxed) {
          try store.read { snapshot in
            for _ in 0..<20 { _ = try snapshot.count(.accounts) }
          }
        }
        ended.withLock { $0 += 1 }
        ended.wakeAll()
      }
    }
    // How large it may become depends on how long the readers take; that it becomes small again does not.
    var pages = 0
    var isBegunAnew = false
    for number in 0..<20_000 where !isBegunAnew {
      try store.execute { storage in
        for part in 0..<3 { try storage.overwrite(.accounts, "key \(number % 10) \(part)", value) }
      }
      let now = try store.executor.run { $0.connection.logPages }
      isBegunAnew = now < pages && pages >= 500
      pages = now
    }
    isOver.store(true, ordering: .relaxed)
    _ = ended.wait { $0 == 4 ? true : nil }
    #expect(isBegunAnew)
  }

  @Test("Snapshots that are kept for those who read next are not in the way of the log")
  func keptSnapshots() throws {
    let store = store
    let value = [UInt8](repeating: 7, count: 4_000)
    var longest = 0
    for number in 0..<2_000 {
      try store.execute { try $0.overwrite(.accounts, "key \(number % 10)", value) }
      let found = try store.read { try $0.get(.accounts, "key \(number % 10)") }
      #expect(found?.counter == Int64(number / 10))
      longest = max(longest, try store.executor.run { $0.connection.logPages })
    }
    // It is copied into the file at 1,000, and written anew at once.
    #expect(longest < 1_100)
  }

  @Test("Nor are those of reads that begin during a commit")
  func keptBesideCommit() throws {
    let store = store
    let value = [UInt8](repeating: 7, count: 4_000)
    let readers = store.readers!
    var longest = 0
    for number in 0..<2_000 {
      try store.execute { try $0.overwrite(.accounts, "key \(number % 10)", value) }
      // As whoever commits does, with a read in between that is done before the file has changed.
      try readers.whileChanging {
        try readers.read(until: .distantFuture) { _ = try $0.count(.accounts) }
        #expect(!readers.letGoOfKept())
      }
      longest = max(longest, try store.executor.run { $0.connection.logPages })
    }
    #expect(longest < 1_100)
  }

  @Test("A read that was going on does not keep a compaction waiting once it is done")
  func keptBesideCompaction() throws {
    let store = store
    try store.execute { storage in
      for number in 0..<500 {
        try storage.add(.accounts, "key \(number)", [UInt8](repeating: 7, count: 4_000))
      }
    }
    try store.execute { storage in
      for number in 0..<500 { try storage.delete(.accounts, "key \(number)") }
    }
    let before = try store.statistics().pages
    let reads = Event()
    let isOver = Atomic(false)
    let ended = Event()
    try startThread("reader") {
      while !isOver.load(ordering: .relaxed) {
        _ = try store.read { try $0.count(.accounts) }
        reads.signal()
      }
      ended.signal()
    }
    reads.wait()
    try store.compact()
    isOver.store(true, ordering: .relaxed)
    ended.wait()
    #expect(try store.statistics().pages < before / 10)
    #expect(try store.statistics().logSizeInBytes == 0)
  }

  @Test("Whoever reads next goes on with the snapshot of the read before")
  func reused() throws {
    let foreign = try SQLiteConnection(.file(directory.file("test.sqlite")))
    try foreign.execute("PRAGMA synchronous = OFF")
    // What another program stores between two reads is not seen by the second if it has begun no snapshot. It has, where
    // the machine was too slow: then once more.
    var isReused = false
    for number in 2...1_000 where !isReused {
      try foreign.execute("BEGIN IMMEDIATE")
      try foreign.execute(
        "UPDATE accounts SET value = CAST('\(number)' AS BLOB) WHERE key = 'ada'")
      store.readers!.letGoOfKept()
      let before = try store.read { try balance($0) }
      #expect(before == "\(number - 1)")
      try foreign.execute("COMMIT")
      isReused = try store.read { try balance($0) } == before
    }
    #expect(isReused)
    // It is not for whoever knows of a commit of this store.
    try store.execute { try $0.overwrite(.accounts, "ada", "own") }
    #expect(try store.read { try balance($0) } == "own")
    try foreign.close()
  }

  @Test("A snapshot that was kept does not hide for long what another program has stored")
  func keptBesideForeigners() throws {
    let store = store
    try store.execute { try $0.overwrite(.accounts, "ada", "1") }
    #expect(try store.read { try balance($0) } == "1")
    let foreign = try SQLiteConnection(.file(directory.file("test.sqlite")))
    try foreign.execute("UPDATE accounts SET value = CAST('2' AS BLOB) WHERE key = 'ada'")
    try foreign.close()
    let deadline = MonotonicTime.now() + .seconds(60)
    while try store.read({ try balance($0) }) != "2", MonotonicTime.now() < deadline {}
    #expect(MonotonicTime.now() < deadline)
    // Nor do routines see it late.
    #expect(try store.execute { try $0.get(.accounts, "ada")?.text } == "2")
  }

  @Test("A store that is let go closes the connections that read too")
  func dropped() throws {
    let directory = TemporaryDirectory()
    do {
      let store = try Store(path: directory.file("a.sqlite"), tables: [.accounts])
      try store.execute { try $0.add(.accounts, "ada", "") }
      _ = try store.read { try $0.count(.accounts) }
    }
    #expect(openFiles(in: directory) == [])
    #expect(directory.names == ["a.sqlite"])
  }

  @Test("A snapshot that is too old is ended by whoever writes, and says so")
  func tooOld() throws {
    let store = store
    try store.read { snapshot in
      let text = try balance(snapshot)
      #expect(text == "1")
      store.readers!.endSnapshots(begunBefore: .now() + .seconds(10))
      #expect(throws: StoreError.snapshotTooOld) { try balance(snapshot) }
      #expect(throws: StoreError.snapshotTooOld) { try snapshot.count(.accounts) }
    }
    #expect(try store.read { try balance($0) } == "1")
  }

  @Test("The log is written anew once nobody needs an old snapshot any more")
  func logIsBounded() throws {
    let store = store
    func logSize() -> Int {
      var status = stat()
      return unsafe stat(directory.file("test.sqlite-wal"), &status) == 0 ? Int(status.st_size) : 0
    }
    let value = [UInt8](repeating: 7, count: 4_000)
    @Sendable func write(_ count: Int) throws {
      for number in 0..<count {
        try store.execute { try $0.overwrite(.accounts, "key \(number % 10)", value) }
      }
    }
    try write(2_000)
    let usual = logSize()
    try store.read { snapshot in
      _ = try snapshot.count(.accounts)
      try onThreads(1) { _ in try write(2_000) }
      #expect(logSize() > 2 * usual)
      store.readers!.endSnapshots(begunBefore: .now() + .seconds(10))
      let grown = logSize()
      try onThreads(1) { _ in try write(4_000) }
      // A few pages more at most: what is written before SQLite notices that it may begin anew.
      #expect(logSize() < grown + 100_000)
    }
  }

  @Test("A verb that runs for long is interrupted when its snapshot is ended")
  func interrupted() throws {
    let store = store
    try store.execute { storage in
      for number in 0..<20_000 { try storage.add(.accounts, "key \(number)", "") }
    }
    let began = Event()
    let ended = Atomic(false)
    let done = Event()
    try startThread("ender") {
      began.wait()
      while !ended.load(ordering: .relaxed) {
        store.readers!.endSnapshots(begunBefore: .now() + .seconds(10))
      }
      done.signal()
    }
    let error = #expect(throws: StoreError.self) {
      try store.read { snapshot in
        began.signal()
        while true { _ = try snapshot.listKeys(.accounts) }
      }
    }
    ended.store(true, ordering: .relaxed)
    done.wait()
    #expect(error == .snapshotTooOld)
    #expect(try store.read { try $0.count(.accounts) } == 20_001)
  }
}
