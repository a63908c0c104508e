// What runs in a process that is to be killed.

import Glibc
import Threads

@testable import KVStore

/// Eight threads that do jobs and say so, line by line, one that sweeps and compacts, and two that read.
///
/// Before a job the line is `? THREAD NUMBER`, after it `! THREAD NUMBER`; before a sweep `s TIME`, after it `S TIME`. What
/// must not be is a line that begins with `bad`.
struct DoomedChild: Sendable {
  let path: String
  let journal: String
  let durability: Durability
  let seed: UInt64
  let life: Int

  /// Ends if nobody kills it.
  func run() throws {
    let fd = unsafe open(journal, O_WRONLY | O_CLOEXEC)
    precondition(fd >= 0, "cannot open the journal")
    say("pid \(getpid())", fd)
    let store = try Store(path: path, tables: Job.tables, durability: durability)
    try onThreads(Job.threads + 3) { index in
      do {
        switch index {
        case ..<Job.threads: try work(index, store, fd)
        case Job.threads: try care(store, fd)
        default: try look(store)
        }
      } catch {
        say("bad \(index) \(error)", fd)
      }
    }
  }

  /// One line, in one system call: those of several threads do not mix.
  private func say(_ line: String, _ fd: Int32) {
    let bytes = Array("\(line)\n".utf8)
    let count = unsafe bytes.withUnsafeBytes { unsafe write(fd, $0.baseAddress, $0.count) }
    precondition(count == bytes.count, "cannot write the journal (errno \(errno))")
  }

  private var numbers: Range<Int> {
    life * Job.numbersPerLife..<life * Job.numbersPerLife + 10_000
  }

  private func work(_ thread: Int, _ store: Store, _ fd: Int32) throws {
    for number in numbers {
      let job = Job(seed: seed, thread: thread, number: number)
      say("? \(thread) \(number)", fd)
      do { try store.execute(job.run) } catch is Abandoned {}
      say("! \(thread) \(number)", fd)
    }
  }

  private func care(_ store: Store, _ fd: Int32) throws {
    for number in numbers {
      let time = Int64(Job.firstTime(ofLife: life) + min(number % Job.numbersPerLife, 900))
      say("s \(time)", fd)
      try store.sweep(now: Timestamp(secondsSince1970: time))
      say("S \(time)", fd)
      if number % 20 == 19 { try store.compact() }
      if number % 5 == 4, try store.integrityCheck() != [] { throw Disagreement(text: "damaged") }
    }
  }

  private struct Disagreement: Error { var text: String }

  /// Reads beside, and finds no routine half done.
  private func look(_ store: Store) throws {
    for number in numbers {
      try store.read { snapshot in
        let key = Job.key(ofThread: number % Job.threads, slot: number / Job.threads % 8)
        guard try snapshot.get(Job.left, key)?.value == snapshot.get(Job.right, key)?.value else {
          throw Disagreement(text: key)
        }
        var sum = 0
        for thread in 0..<Job.threads {
          sum += Job.number(try snapshot.get(Job.right, "count \(thread)"))
        }
        let total = Job.number(try snapshot.get(Job.left, "total"))
        if total != sum { throw Disagreement(text: "total") }
      }
    }
  }
}
