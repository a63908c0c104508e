// Starts threads of the operating system, with a name and a stack of a stated size.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A thread could not be started; `code` is the `errno` value that pthread gave.
package struct ThreadError: Error, Equatable {
  package var code: Int32
}

/// A started thread that someone will join.
package struct Thread: ~Copyable {
  private let handle: pthread_t

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: Shown by debuggers and `ps -L`. Linux keeps the first 15 bytes.
  ///   - stackSize: In bytes; at least 64 KiB, rounded up to whole pages. `nil` takes the system's default.
  ///   - body: Runs on the new thread.
  /// - Throws: ``ThreadError`` if the system is out of threads or memory.
  package static func start(
    name: String, stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(ThreadError) -> Thread {
    Thread(handle: try spawn(name: name, stackSize: stackSize, detached: false, body))
  }

  /// Starts a thread that nobody joins.
  package static func startDetached(
    name: String, stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void
  ) throws(ThreadError) {
    _ = try spawn(name: name, stackSize: stackSize, detached: true, body)
  }

  /// Waits until the thread's body has returned.
  package consuming func join() {
    let code = pthread_join(handle, nil)
    precondition(code == 0, "a thread is joined once, and not by itself (errno \(code))")
  }
}

/// Tells threads apart; equal only on the thread it was taken on, while that thread lives.
// @unchecked: a `pthread_t` is a number on Linux and a pointer on Darwin, compared and never followed.
package struct ThreadID: Hashable, @unchecked Sendable {
  private let handle: pthread_t

  package static var current: ThreadID { ThreadID(handle: pthread_self()) }

  /// A number for it, not 0, to be kept where a thread may be exchanged in one step.
  package var number: UInt {
    #if canImport(Darwin)
      unsafe UInt(bitPattern: handle)
    #else
      UInt(handle)
    #endif
  }

  package static func == (left: ThreadID, right: ThreadID) -> Bool {
    pthread_equal(left.handle, right.handle) != 0
  }
}

/// What a new thread needs to know before it runs the caller's closure.
private final class StartingPoint: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }

  func run() {
    Thread.setCurrentName(name)
    body()
  }
}

private func spawn(
  name: String, stackSize: Int?, detached: Bool, _ body: @escaping @Sendable () -> Void
) throws(ThreadError) -> pthread_t {
  var attributes = pthread_attr_t()
  unsafe pthread_attr_init(&attributes)
  defer { unsafe pthread_attr_destroy(&attributes) }
  if let stackSize {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    // No machine has the largest number of bytes, so that its last page makes no difference.
    let size = min(max(stackSize, minimumStackSize), .max - page)
    unsafe pthread_attr_setstacksize(&attributes, (size + page - 1) / page * page)
  }
  if detached {
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  }

  let argument = unsafe Unmanaged.passRetained(StartingPoint(name: name, body: body))
  #if canImport(Darwin)
    var handle: pthread_t?
    let code = unsafe pthread_create(
      &handle, &attributes,
      { raw in
        unsafe Unmanaged<StartingPoint>.fromOpaque(raw).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
  #else
    var handle = pthread_t()
    let code = unsafe pthread_create(
      &handle, &attributes,
      { raw in
        unsafe Unmanaged<StartingPoint>.fromOpaque(raw!).takeRetainedValue().run()
        return nil
      }, argument.toOpaque())
  #endif
  guard code == 0 else {
    unsafe argument.release()
    throw ThreadError(code: code)
  }
  #if canImport(Darwin)
    return unsafe handle!
  #else
    return handle
  #endif
}

/// Room for the Swift runtime's own frames: below this a thread may not even start.
private let minimumStackSize = 64 * 1024
