// The name of the calling thread, which asking the system for would be a system call each time.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Thread {
  /// The name of the calling thread: the one that it was given here, or else what the system knows.
  package static var currentName: String {
    if let remembered = unsafe pthread_getspecific(nameKey) {
      return unsafe Unmanaged<RememberedName>.fromOpaque(remembered).takeUnretainedValue().text
    }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      guard unsafe pthread_getname_np(pthread_self(), buffer.baseAddress!, buffer.count) == 0
      else { return "" }
      return unsafe String(cString: buffer.baseAddress!)
    }
  }

  /// Names the calling thread anew. Linux keeps the first 15 bytes.
  package static func setCurrentName(_ name: String) {
    var name = name
    #if canImport(Darwin)
      _ = unsafe name.withCString { unsafe pthread_setname_np($0) }
    #else
      // Linux refuses a name of more than 15 bytes outright, so the end is cut off, at a character.
      while name.utf8.count > 15 { name.removeLast() }
      _ = unsafe name.withCString { unsafe pthread_setname_np(pthread_self(), $0) }
    #endif
    let remembered = unsafe Unmanaged.passRetained(RememberedName(name))
    let before = unsafe pthread_getspecific(nameKey)
    guard unsafe pthread_setspecific(nameKey, remembered.toOpaque()) == 0 else {
      return unsafe remembered.release()
    }
    if let before = unsafe before { unsafe Unmanaged<RememberedName>.fromOpaque(before).release() }
  }
}

private final class RememberedName: Sendable {
  let text: String

  init(_ text: String) { self.text = text }
}

/// Where each thread keeps its name. The system releases it when the thread ends.
private let nameKey: pthread_key_t = {
  var key = pthread_key_t()
  #if canImport(Darwin)
    let code = unsafe pthread_key_create(&key) {
      unsafe Unmanaged<RememberedName>.fromOpaque($0).release()
    }
  #else
    let code = unsafe pthread_key_create(&key) { name in
      if let name = unsafe name { unsafe Unmanaged<RememberedName>.fromOpaque(name).release() }
    }
  #endif
  precondition(code == 0, "one key for each module that needs one (errno \(code))")
  return key
}()
