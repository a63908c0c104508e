// A file system under SQLite that fails where a test wants it to, and remembers what was synced.
//
// It passes every call on to the system's own, but for two things. A call can be told to fail. And
// nothing is really synced, which would only take time: what a power cut leaves is worked out by
// `Disk`, which is told of every change.
//
// For the child processes of exit tests alone: it is the file system of the whole process.

import CSQLite
import Glibc
import Threads

/// The file system that fails.
enum FaultyFiles {
  /// What goes wrong.
  enum Fault: Hashable, Sendable {
    /// A call of any kind fails once, without having done anything.
    case ioError
    /// A write fails once, after half of the bytes.
    case shortWrite
    /// The same, as there is no more room.
    case full
    /// A call fails, and so does every later one until ``disarm()``.
    case outage

    fileprivate func concerns(_ call: Call) -> Bool {
      switch self {
      case .ioError, .outage: true
      case .full, .shortWrite: call == .write
      }
    }
  }

  /// What SQLite asks for. Closing a file, and giving back a lock on shared memory, cannot fail.
  fileprivate enum Call: String, Sendable {
    case open, delete, access, read, write, truncate, sync, fileSize
    case lock, unlock, checkReservedLock, mapShared, lockShared

    /// What SQLite's own file system answers when the system fails it.
    var ioError: Int32 {
      switch self {
      case .open: SQLITE_CANTOPEN
      case .delete: extended(10)
      case .access: extended(13)
      case .read: extended(1)
      case .write: extended(3)
      case .truncate: extended(6)
      case .sync: extended(4)
      case .fileSize: extended(7)
      case .lock: extended(15)
      case .unlock: extended(8)
      case .checkReservedLock: extended(14)
      case .mapShared: extended(21)
      case .lockShared: extended(20)
      }
    }

    // SQLITE_IOERR_READ and so on are macros that Swift does not import.
    private func extended(_ number: Int32) -> Int32 { SQLITE_IOERR | number << 8 }
  }

  /// Makes it the file system of all connections that are opened from now on.
  static func install() {
    let code = unsafe sqlite3_vfs_register(faulty, 1)
    precondition(code == SQLITE_OK)
  }

  /// Has new connections use the system's again.
  static func uninstall() {
    let code = unsafe sqlite3_vfs_unregister(faulty)
    precondition(code == SQLITE_OK)
  }

  /// Lets that many of the calls that `fault` concerns succeed, and then one fail.
  static func arm(_ fault: Fault, at position: Int) {
    state.withLock { state in
      state.fault = fault
      state.callsLeft = position
      state.hit = nil
    }
  }

  /// Lets all calls succeed.
  ///
  /// - Returns: The call that failed first since ``arm(_:at:)``; `nil` if none did.
  @discardableResult
  static func disarm() -> String? {
    state.withLock { state in
      state.fault = nil
      return state.hit
    }
  }

  /// Runs `body` as if nothing were armed.
  static func withoutFaults<R>(_ body: () throws -> R) rethrows -> R {
    let armed = state.withLock { state in
      defer { state.fault = nil }
      return state.fault
    }
    defer { state.withLock { $0.fault = armed } }
    return try body()
  }

  /// Runs `body`, and gives the disk as it was after each change that `body` made.
  ///
  /// What ``acknowledge(_:)`` was told before a change is kept with it.
  static func recordChanges(_ body: () throws -> Void) rethrows -> [Cut] {
    state.withLock { $0.recording = Recording() }
    try body()
    return state.withLock { state in
      defer { state.recording = nil }
      return state.recording!.cuts
    }
  }

  /// Notes that a caller was told that this is stored.
  static func acknowledge(_ name: String) {
    state.withLock { _ = $0.recording?.acknowledged.insert(name) }
  }

  /// A moment at which the power may be cut.
  struct Cut: Sendable {
    /// The change that SQLite made last.
    let change: String
    let disk: Disk
    /// Who was told, before that change, that it is stored.
    let acknowledged: Set<String>
  }
}

// MARK: What all files share

private struct State: Sendable {
  var fault: FaultyFiles.Fault?
  /// How many calls succeed before the fault.
  var callsLeft = 0
  /// The first call that failed.
  var hit: String?
  var recording: Recording?

  mutating func strike(_ call: FaultyFiles.Call, _ name: @autoclosure () -> String)
    -> FaultyFiles.Fault?
  {
    guard let fault, fault.concerns(call) else { return nil }
    guard callsLeft == 0 else {
      callsLeft -= 1
      return nil
    }
    if hit == nil { hit = "\(call.rawValue) \(name())" }
    if fault != .outage { self.fault = nil }
    return fault
  }
}

private struct Recording: Sendable {
  var disk = Disk()
  var acknowledged: Set<String> = []
  var cuts: [FaultyFiles.Cut] = []
}

// No `Mutex`: as a global, optimised by Swift 6.3.1, it did not begin with this value, and calls failed before a fault was set.
private let state = Monitor(State())

/// The error that a call is to fail with; `nil` if it is to be passed on.
private func failure(
  of call: FaultyFiles.Call, _ name: @autoclosure () -> String = ""
) -> Int32? {
  state.withLock { $0.strike(call, name()) } == nil ? nil : call.ioError
}

private func record(_ name: String, _ change: (inout Disk) -> Void) {
  state.withLock { state in
    guard state.recording != nil else { return }
    change(&state.recording!.disk)
    let cut = FaultyFiles.Cut(
      change: name, disk: state.recording!.disk, acknowledged: state.recording!.acknowledged)
    state.recording!.cuts.append(cut)
  }
}

// MARK: The file system, as SQLite wants it

private typealias FilePointer = UnsafeMutablePointer<sqlite3_file>

nonisolated(unsafe) private let system = unsafe sqlite3_vfs_find(nil)!

nonisolated(unsafe) private let faulty: UnsafeMutablePointer<sqlite3_vfs> = {
  let copy = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
  unsafe copy.initialize(to: system.pointee)
  unsafe copy.pointee.zName = UnsafePointer(strdup("faulty"))
  unsafe copy.pointee.pNext = nil
  unsafe copy.pointee.szOsFile += Int32(headerSize)
  unsafe copy.pointee.xOpen = { unsafe open($1, $2!, flags: $3, outFlags: $4) }
  unsafe copy.pointee.xDelete = { unsafe delete($1!, syncsDirectory: $2 != 0) }
  unsafe copy.pointee.xAccess = { _, path, flags, result in
    if let code = failure(of: .access, unsafe fileName(path)) { return code }
    return unsafe system.pointee.xAccess(system, path, flags, result)
  }
  return unsafe copy
}()

private func open(
  _ path: UnsafePointer<CChar>?, _ file: FilePointer, flags: Int32,
  outFlags: UnsafeMutablePointer<Int32>?
) -> Int32 {
  unsafe file.pointee.pMethods = nil  // so that it is not closed unless it was opened
  if let code = failure(of: .open, unsafe fileName(path)) { return code }
  let code = unsafe system.pointee.xOpen(system, path, real(file), flags, outFlags)
  guard code == SQLITE_OK else {
    if unsafe real(file).pointee.pMethods != nil { _ = unsafe methods(file).xClose(real(file)) }
    return code
  }
  unsafe header(file).pointee.id = -1
  if unsafe path != nil {
    let name = unsafe fileName(path)
    let logs = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL
    let syncsDirectory = flags & logs != 0 && flags & SQLITE_OPEN_CREATE != 0
    var id = -1
    record("open \(name)") { id = $0.open(name, syncsDirectory: syncsDirectory) }
    unsafe header(file).pointee.id = id
  }
  unsafe file.pointee.pMethods = UnsafePointer(faultyMethods)
  return SQLITE_OK
}

private func delete(_ path: UnsafePointer<CChar>, syncsDirectory: Bool) -> Int32 {
  let name = unsafe fileName(path)
  if let code = failure(of: .delete, name) { return code }
  let code = unsafe system.pointee.xDelete(system, path, 0)
  if code == SQLITE_OK {
    record("delete \(name)") { $0.delete(name, syncsDirectory: syncsDirectory) }
  }
  return code
}

private func fileName(_ path: UnsafePointer<CChar>?) -> String {
  guard let path = unsafe path else { return "a temporary file" }
  return unsafe String(cString: path).split(separator: "/").last.map(String.init) ?? ""
}

// MARK: Files, as SQLite wants them

/// Stands before the system's own part of a file.
@unsafe private struct Header {
  var file: sqlite3_file
  /// What `Disk` calls it; -1 if it is not told of it.
  var id: Int
}

private let headerSize = unsafe MemoryLayout<Header>.stride

private func header(_ file: FilePointer?) -> UnsafeMutablePointer<Header> {
  unsafe UnsafeMutableRawPointer(file!).assumingMemoryBound(to: Header.self)
}

private func real(_ file: FilePointer?) -> FilePointer {
  unsafe (UnsafeMutableRawPointer(file!) + headerSize).assumingMemoryBound(to: sqlite3_file.self)
}

private func methods(_ file: FilePointer?) -> sqlite3_io_methods {
  unsafe real(file).pointee.pMethods.pointee
}

private func recordChange(
  of file: FilePointer?, _ name: String, _ change: (inout Disk, _ id: Int) -> Void
) {
  let id = unsafe header(file).pointee.id
  guard id >= 0 else { return }
  record("\(name) of file \(id)") { change(&$0, id) }
}

nonisolated(unsafe) private let faultyMethods: UnsafeMutablePointer<sqlite3_io_methods> = {
  let made = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
  unsafe made.initialize(to: sqlite3_io_methods())
  unsafe made.pointee.iVersion = 3
  unsafe made.pointee.xClose = { unsafe methods($0).xClose(real($0)) }
  unsafe made.pointee.xRead = { file, bytes, count, offset in
    if let code = failure(of: .read) { return code }
    return unsafe methods(file).xRead(real(file), bytes, count, offset)
  }
  unsafe made.pointee.xWrite = { unsafe write($0, $1!, $2, at: $3) }
  unsafe made.pointee.xTruncate = { file, size in
    if let code = failure(of: .truncate) { return code }
    let code = unsafe methods(file).xTruncate(real(file), size)
    if code == SQLITE_OK {
      unsafe recordChange(of: file, "truncate") { $0.truncate($1, to: Int(size)) }
    }
    return code
  }
  unsafe made.pointee.xSync = { file, _ in
    if let code = failure(of: .sync) { return code }
    unsafe recordChange(of: file, "sync") { $0.sync($1) }
    return SQLITE_OK
  }
  unsafe made.pointee.xFileSize = { file, size in
    if let code = failure(of: .fileSize) { return code }
    return unsafe methods(file).xFileSize(real(file), size)
  }
  unsafe made.pointee.xLock = { file, level in
    if let code = failure(of: .lock) { return code }
    return unsafe methods(file).xLock(real(file), level)
  }
  unsafe made.pointee.xUnlock = { file, level in
    if let code = failure(of: .unlock) { return code }
    return unsafe methods(file).xUnlock(real(file), level)
  }
  unsafe made.pointee.xCheckReservedLock = { file, result in
    if let code = failure(of: .checkReservedLock) { return code }
    return unsafe methods(file).xCheckReservedLock(real(file), result)
  }
  unsafe made.pointee.xFileControl = {
    unsafe methods($0).xFileControl(real($0), $1, $2)
  }
  unsafe made.pointee.xSectorSize = { unsafe methods($0).xSectorSize(real($0)) }
  unsafe made.pointee.xDeviceCharacteristics = {
    unsafe methods($0).xDeviceCharacteristics(real($0))
  }
  unsafe made.pointee.xShmMap = { file, page, size, extends, address in
    if let code = failure(of: .mapShared) { return code }
    return unsafe methods(file).xShmMap(real(file), page, size, extends, address)
  }
  unsafe made.pointee.xShmLock = { file, first, count, flags in
    if flags & SQLITE_SHM_LOCK != 0, let code = failure(of: .lockShared) { return code }
    return unsafe methods(file).xShmLock(real(file), first, count, flags)
  }
  unsafe made.pointee.xShmBarrier = { unsafe methods($0).xShmBarrier(real($0)) }
  unsafe made.pointee.xShmUnmap = { unsafe methods($0).xShmUnmap(real($0), $1) }
  // No part of a file is mapped: then SQLite reads it.
  unsafe made.pointee.xFetch = { _, _, _, address in
    unsafe address!.pointee = nil
    return SQLITE_OK
  }
  unsafe made.pointee.xUnfetch = { _, _, _ in SQLITE_OK }
  return unsafe made
}()

private func write(
  _ file: FilePointer?, _ bytes: UnsafeRawPointer, _ count: Int32, at offset: Int64
) -> Int32 {
  let fault = state.withLock { $0.strike(.write, "\(count) bytes at \(offset)") }
  switch fault {
  case .ioError, .outage: return FaultyFiles.Call.write.ioError
  case .shortWrite, .full:
    _ = unsafe methods(file).xWrite(real(file), bytes, count / 2, offset)
    return fault == .full ? SQLITE_FULL : FaultyFiles.Call.write.ioError
  case nil:
    let code = unsafe methods(file).xWrite(real(file), bytes, count, offset)
    if code == SQLITE_OK {
      let written = unsafe Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
      unsafe recordChange(of: file, "write \(count) bytes at \(offset)") {
        $0.write(written, to: $1, at: Int(offset))
      }
    }
    return code
  }
}
