// On which processors a thread runs, and may run. Darwin tells neither.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Some of the machine's processors, by their numbers from 0.
package struct ProcessorSet: Equatable {
  /// A bit for each processor, as `cpu_set_t` has them.
  private var words: [16 of UInt] = .init(repeating: 0)

  package init() {}

  package func contains(_ processor: Int) -> Bool {
    guard let (word, bit) = Self.place(of: processor) else { return false }
    return words[word] & bit != 0
  }

  /// Adds a processor, unless its number is larger than the system's own sets have room for.
  package mutating func insert(_ processor: Int) {
    guard let (word, bit) = Self.place(of: processor) else { return }
    words[word] |= bit
  }

  package var count: Int { words.indices.reduce(0) { $0 + words[$1].nonzeroBitCount } }

  private static func place(of processor: Int) -> (word: Int, bit: UInt)? {
    let (word, bit) = processor.quotientAndRemainder(dividingBy: UInt.bitWidth)
    return processor >= 0 && word < 16 ? (word, 1 << UInt(bit)) : nil
  }

  package static func == (left: ProcessorSet, right: ProcessorSet) -> Bool {
    left.words.indices.allSatisfy { left.words[$0] == right.words[$0] }
  }
}

#if !canImport(Darwin)
  extension ProcessorSet {
    /// Those on which the calling thread may run; `nil` if the system does not tell, or has more than fit.
    package static var ofCurrentThread: ProcessorSet? {
      var set = ProcessorSet()
      let isKnown = unsafe withUnsafeMutableBytes(of: &set.words) { bytes in
        unsafe sched_getaffinity(
          0, bytes.count, bytes.baseAddress!.assumingMemoryBound(to: cpu_set_t.self)) == 0
      }
      return isKnown ? set : nil
    }

    /// Lets the calling thread run on these alone.
    ///
    /// - Returns: Whether the system does that.
    fileprivate func limitCurrentThread() -> Bool {
      unsafe withUnsafeBytes(of: words) { bytes in
        unsafe sched_setaffinity(
          0, bytes.count, bytes.baseAddress!.assumingMemoryBound(to: cpu_set_t.self)) == 0
      }
    }
  }
#endif

extension Thread {
  /// The processor on which the calling thread runs; `nil` if the system does not tell.
  package static var processor: Int? {
    #if canImport(Darwin)
      nil
    #else
      Int(exactly: sched_getcpu()).flatMap { $0 >= 0 ? $0 : nil }
    #endif
  }

  /// Takes the calling thread to a processor. It is not kept there: the scheduler may take it away again at once.
  ///
  /// Costs three system calls, and some microseconds until it runs there.
  ///
  /// - Returns: Whether it went there: not to a processor on which it may not run, nor where the system lets nobody choose.
  @discardableResult
  package static func move(to processor: Int) -> Bool {
    #if canImport(Darwin)
      false
    #else
      guard let allowed = ProcessorSet.ofCurrentThread, allowed.contains(processor) else {
        return false
      }
      var target = ProcessorSet()
      target.insert(processor)
      guard target.limitCurrentThread() else { return false }
      let isThere = Self.processor == processor
      return allowed.limitCurrentThread() && isThere
    #endif
  }
}
