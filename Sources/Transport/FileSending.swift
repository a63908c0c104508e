// From a file to a stream: by the system alone where it can, so that the bytes are not copied and take no memory of ours.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Socket {
  /// sendfile(2), once `first` is sent.
  ///
  /// On Linux it raises SIGPIPE if the peer is gone: call it where that is blocked (``blockBrokenPipeSignal()``), as it is
  /// in the threads of ``ConnectionThreads``.
  package borrowing func attemptSend(
    _ first: Span<UInt8>, _ file: File, _ range: Range<Int>
  ) throws(TransportError) -> Attempt {
    let number = descriptor.number
    guard first.isEmpty else {
      let flags = range.isEmpty ? 0 : moreFollows
      return try unsafe first.withUnsafeBytes { (bytes) throws(TransportError) in
        try Attempt("send", unsafe sendPiece(number, bytes, flags: flags))
      }
    }
    #if canImport(Darwin)
      var count = off_t(range.count)
      let result = unsafe sendfile(file.number, number, off_t(range.lowerBound), &count, nil, 0)
      // What was sent counts, whatever ended it: that comes again.
      if count > 0 { return .moved(Int(count)) }
    #else
      var place = off_t(range.lowerBound)
      let result = unsafe sendfile(number, file.number, &place, range.count)
      if result > 0 { return .moved(result) }
    #endif
    if result == 0 { throw .file(FileError(path: file.path, .endsEarly(at: range.lowerBound))) }
    switch errno {
    case EINTR: return .interrupted
    case EAGAIN: return .nothing
    // The file system or the kind of socket does not know it (sendfile(2)).
    case EINVAL, ENOSYS, EOPNOTSUPP: return try attemptSendCopy(first, file, range)
    case let code:
      let error = TransportError(systemCall: "sendfile", code: code)
      // What is not about the peer is about the file.
      if case .systemCall = error {
        throw .file(FileError(path: file.path, .cannotRead(code: code)))
      }
      throw error
    }
  }
}

extension ByteStream where Self: ~Copyable {
  package borrowing func attemptSend(
    _ first: Span<UInt8>, _ file: File, _ range: Range<Int>
  ) throws(TransportError) -> Attempt {
    try attemptSendCopy(first, file, range)
  }

  /// Reads at most 64 KiB and sends what there is room for. The rest is read again.
  fileprivate borrowing func attemptSendCopy(
    _ first: Span<UInt8>, _ file: File, _ range: Range<Int>
  ) throws(TransportError) -> Attempt {
    var piece: [UInt8] = []
    do throws(FileError) {
      try file.read(
        range.lowerBound..<range.lowerBound + min(range.count, 65_536), into: &piece)
    } catch {
      throw .file(error)
    }
    return try attemptSend(first, piece.span)
  }

  /// Sends all of the bytes, and a part of a file behind them.
  ///
  /// - Parameters:
  ///   - first: What is sent first.
  ///   - file: What is sent behind it; it may grow meanwhile, and must not shrink.
  ///   - range: Which bytes of the file: these and no others.
  ///   - limit: How long the peer may take nothing; `nil` waits for ever.
  /// - Throws: ``TransportError/file(_:)`` if not all of it can be read; some of it may have been sent then.
  package borrowing func sendAll(
    _ first: Span<UInt8>, _ file: File, _ range: Range<Int>, within limit: Duration?
  ) throws(TransportError) {
    var sent = 0
    while sent < first.count + range.count {
      let attempt = try attemptSend(
        first.extracting(droppingFirst: min(sent, first.count)), file,
        range.lowerBound + max(0, sent - first.count)..<range.upperBound)
      switch attempt {
      case .moved(let count): sent += count
      case .nothing: try waitForRoom(within: limit)
      case .interrupted: continue
      }
    }
  }
}
