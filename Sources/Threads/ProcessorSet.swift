// On which processors a thread runs, and may run. Darwin tells neither.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Some of the machine's processors, by their numbers from 0 to 1,023.
package struct ProcessorSet: Equatable, Sendable {
  /// A bit for each, from the lowest of the first word on, as Linux has them.
  private var words: [16 of UInt64]

  private init(repeating word: UInt64) {
    words = .init(repeating: word)
  }

  /// No processor.
  package init() { self.init(repeating: 0) }

  package func contains(_ processor: Int) -> Bool {
    guard 0..<1_024 ~= processor else { return false }
    return words[processor / 64] & (1 << UInt64(processor % 64)) != 0
  }

  /// Adds a processor, if its number is one of those that fit.
  package mutating func insert(_ processor: Int) {
    guard 0..<1_024 ~= processor else { return }
    words[processor / 64] |= 1 << UInt64(processor % 64)
  }

  package var count: Int { words.indices.reduce(0) { $0 + words[$1].nonzeroBitCount } }

  package static func == (left: ProcessorSet, right: ProcessorSet) -> Bool {
    left.words.indices.allSatisfy { left.words[$0] == right.words[$0] }
  }
}

extension ProcessorSet {
  /// Those on which the calling thread may run; `nil` if the system does not tell, or has more than fit.
  package static var ofCurrentThread: ProcessorSet? {
    #if canImport(Darwin)
      return nil
    #else
      var mask = cpu_set_t()
      guard unsafe sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &mask) == 0 else {
        return nil
      }
      var set = ProcessorSet()
      unsafe withUnsafeMutableBytes(of: &set.words) { words in
        unsafe withUnsafeBytes(of: mask) { unsafe words.copyMemory(from: $0) }
      }
      return set
    #endif
  }

  /// Lets the calling thread run on these alone. What it starts from then on, threads and processes, may run there too, and
  /// nowhere else.
  ///
  /// - Returns: Whether the system does that: it must allow sched_setaffinity(2), and one of them must be there for this process.
  @discardableResult
  package func confineCurrentThread() -> Bool {
    #if canImport(Darwin)
      return false
    #else
      var mask = cpu_set_t()
      unsafe withUnsafeMutableBytes(of: &mask) { bytes in
        unsafe withUnsafeBytes(of: words) { unsafe bytes.copyMemory(from: $0) }
      }
      return unsafe sched_setaffinity(0, MemoryLayout<cpu_set_t>.size, &mask) == 0
    #endif
  }

  /// Lets the calling thread run on these again.
  ///
  /// If they are all that its control group has, it is not confined to them, but gets those too that the group is given later.
  fileprivate func restore() {
    let all = ProcessorSet(repeating: .max)
    if all.confineCurrentThread(), Self.ofCurrentThread == self { return }
    // If its control group has just lost all of these, it may run on what that has now.
    confineCurrentThread()
  }
}

extension Thread {
  /// The processor on which the calling thread runs; `nil` if the system does not tell.
  package static var processor: Int? {
    #if canImport(Darwin)
      return nil
    #else
      let number = sched_getcpu()
      return number >= 0 ? Int(number) : nil
    #endif
  }

  /// Takes the calling thread to a processor. It is not kept there: the scheduler may take it away again at once.
  ///
  /// Costs four system calls, and the time until the thread has its turn there.
  ///
  /// - Returns: Whether it ran there: not on a processor on which it may not run, nor where the system lets nobody choose.
  @discardableResult
  package static func move(to processor: Int) -> Bool {
    guard let allowed = ProcessorSet.ofCurrentThread, allowed.contains(processor) else {
      return false
    }
    var target = ProcessorSet()
    target.insert(processor)
    guard target.confineCurrentThread() else { return false }
    defer { allowed.restore() }
    return Self.processor == processor
  }
}
