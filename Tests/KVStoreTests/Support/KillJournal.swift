// What a killed process has said, and whether the file agrees.

import Threads

@testable import KVStore

/// What must be in a file through which process after process went.
struct KillJournal {
  let seed: UInt64
  private var shares = Array(repeating: Job.Share(), count: Job.threads)
  private var sessions: [String: Session] = [:]
  /// The latest time of a sweep that was begun.
  private var latestSweep = Int64.min

  /// How many jobs were acknowledged; how many were under way at a kill and are there, or are not.
  private(set) var acknowledged = 0
  private(set) var underWayDone = 0
  private(set) var underWayUndone = 0

  private struct Session {
    var expiresAt: Int64
    var isAcknowledged = false
    /// A sweep that was begun after it was acknowledged has ended.
    var isSwept = false
  }

  struct Disagreement: Error { var text: String }

  init(seed: UInt64) { self.seed = seed }

  /// Takes in what one process said, and holds what is in the store to it.
  ///
  /// What was under way at the end may have been done or not; which it was is known from then on.
  mutating func close(_ lines: [Substring], _ found: Contents) throws {
    let underWay = try read(lines)
    for thread in 0..<Job.threads { try check(thread, underWay[thread], found) }
    guard found.total == shares.reduce(0, { $0 + $1.count }) else {
      throw Disagreement(text: "the total is \(found.total)")
    }
    try checkSessions(found, underWay)
  }

  /// - Returns: The job of each thread that was not acknowledged.
  private mutating func read(_ lines: [Substring]) throws -> [Int: Job] {
    var underWay: [Int: Job] = [:]
    /// Those that the sweep that is going on must delete.
    var due: [String] = []
    for line in lines {
      let words = line.split(separator: " ")
      let numbers = words.dropFirst().compactMap { Int($0) }
      switch words[0] {
      case "?":
        let job = Job(seed: seed, thread: numbers[0], number: numbers[1])
        underWay[numbers[0]] = job
        if case .session(let time) = job.work {
          sessions[job.sessionKey] = Session(expiresAt: time)
        }
      case "!":
        guard let job = underWay.removeValue(forKey: numbers[0]) else { break }
        job.apply(to: &shares[numbers[0]])
        sessions[job.sessionKey]?.isAcknowledged = true
        acknowledged += 1
      case "s":
        latestSweep = max(latestSweep, Int64(numbers[0]))
        due = sessions.filter { $1.isAcknowledged && $1.expiresAt < numbers[0] }.map(\.key)
      case "S":
        for key in due { sessions[key]?.isSwept = true }
      case "pid": break
      default: throw Disagreement(text: "\(line)")
      }
    }
    return underWay
  }

  private mutating func check(_ thread: Int, _ job: Job?, _ found: Contents) throws {
    let share = found.shares[thread]
    if let job, share != shares[thread] {
      job.apply(to: &shares[thread])
      if share == shares[thread] { underWayDone += 1 }
    } else if job != nil {
      underWayUndone += 1
    }
    guard share == shares[thread] else {
      throw Disagreement(
        text: """
          thread \(thread) has \(share.description), not \(shares[thread].description), \
          with \(job.map { "\($0)" } ?? "nothing") under way
          """)
    }
  }

  private mutating func checkSessions(_ found: Contents, _ underWay: [Int: Job]) throws {
    for job in underWay.values {
      // It is there if its job was done, and known not to be there if it was not.
      guard sessions[job.sessionKey] != nil else { continue }
      sessions[job.sessionKey]?.isAcknowledged = true
      if shares[job.thread].last != job.number { sessions[job.sessionKey] = nil }
    }
    for (key, session) in sessions {
      let isThere = found.sessions[key] == session.expiresAt
      if session.isSwept, isThere { throw Disagreement(text: "the session \(key) was swept") }
      if session.expiresAt >= latestSweep, !isThere {
        throw Disagreement(text: "the session \(key) is missing")
      }
      if !isThere { sessions[key] = nil }
    }
    guard found.sessions.count == sessions.count else {
      throw Disagreement(text: "sessions that nobody added")
    }
  }

  /// What is in a store.
  struct Contents {
    var shares = Array(repeating: Job.Share(), count: Job.threads)
    var sessions: [String: Int64] = [:]
    var total = 0

    /// Reads a store, whose two tables of slots must agree.
    init(_ store: Store) throws {
      let slots = try store.read { snapshot in
        var slots: [[String: [UInt8]]] = []
        for table in [Job.left, Job.right] {
          var all: [String: [UInt8]] = [:]
          try snapshot.forEach(table, in: .prefix("slot ")) { row in
            all[row.key] = row.value
            return true
          }
          slots.append(all)
        }
        for thread in shares.indices {
          shares[thread].count = Job.number(try snapshot.get(Job.right, "count \(thread)"))
          let last = try snapshot.get(Job.left, "last \(thread)")
          shares[thread].last = last.map { Job.number($0) }
        }
        total = Job.number(try snapshot.get(Job.left, "total"))
        try snapshot.forEach(Job.sessions) { row in
          sessions[row.key] = row.expiresAt?.secondsSince1970
          return true
        }
        return slots
      }
      guard slots[0] == slots[1] else { throw Disagreement(text: "the two tables differ") }
      for thread in shares.indices {
        let prefix = Job.prefix(ofThread: thread)
        shares[thread].slots = slots[0].filter { $0.key.hasPrefix(prefix) }
      }
    }
  }
}

extension Job.Share {
  /// Short enough to be printed.
  fileprivate var description: String {
    let values = slots.mapValues {
      "\($0.count) bytes of \(String(decoding: $0.prefix(20), as: UTF8.self))"
    }
    return "\(count) jobs, the last \(last.map { "\($0)" } ?? "none"), \(values)"
  }
}
