// Tells the service manager how the program is doing.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The service manager that started this program, if it asked to be told how it is doing (sd_notify(3)).
public enum ServiceManager {
  /// Sends a notification, such as `READY=1` or `STATUS=Loading`.
  ///
  /// Where it goes, the manager says in the variable NOTIFY_SOCKET: a path, or a name in Linux's abstract space that
  /// begins with `@`. systemd sets it for services of `Type=notify`.
  ///
  /// - Returns: Whether there was one to tell; `false` without NOTIFY_SOCKET.
  /// - Throws: ``TransportError/systemCall(_:code:)`` (EAFNOSUPPORT if the variable holds another kind of address),
  ///   ``TransportError/timedOut`` if the manager takes nothing for 5 seconds, ``TransportError/peerGone(code:)``,
  ///   ``TransportError/pathTooLong(path:limitInBytes:)``.
  @discardableResult
  public static func notify(_ message: String) throws(TransportError) -> Bool {
    guard let socket = unsafe getenv("NOTIFY_SOCKET") else { return false }
    try notify(message, at: unsafe String(cString: socket))
    return true
  }

  static func notify(_ message: String, at name: String) throws(TransportError) {
    let path: String
    switch name.utf8.first {
    case UInt8(ascii: "/"): path = name
    case UInt8(ascii: "@"): path = "\0" + name.dropFirst()
    default: throw .systemCall("NOTIFY_SOCKET", code: EAFNOSUPPORT)
    }
    let address = try RawAddress(.unix(path: path))
    let socket = try makeSocket(family: AF_UNIX, type: datagramType)
    try socket.set(SOL_SOCKET, SO_SNDTIMEO, to: timeValue(.seconds(5)), as: "SO_SNDTIMEO")
    let number = socket.number
    let bytes = Array(message.utf8)
    _ = try retrying("sendto NOTIFY_SOCKET") { () in
      unsafe address.read { address, length in
        unsafe sendto(number, bytes, bytes.count, noSignal, address, length)
      }
    }
  }
}
