// Addresses in the form of system calls (sockaddr(3type)), and the way to ours and back.

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// glibc declares these parameters as unions of pointers to every kind of address.
#if canImport(Darwin)
  typealias ReadableAddress = UnsafePointer<sockaddr>
  typealias FillableAddress = UnsafeMutablePointer<sockaddr>
#else
  typealias ReadableAddress = __CONST_SOCKADDR_ARG
  typealias FillableAddress = __SOCKADDR_ARG

  extension __CONST_SOCKADDR_ARG {
    fileprivate init(_ address: UnsafePointer<sockaddr>) {
      unsafe self.init(__sockaddr__: address)
    }
  }

  extension __SOCKADDR_ARG {
    fileprivate init(_ address: UnsafeMutablePointer<sockaddr>) {
      unsafe self.init(__sockaddr__: address)
    }
  }
#endif

/// An address as system calls read and write it.
struct RawAddress {
  private var storage = sockaddr_storage()
  private var length: socklen_t

  /// Room for any address, to be filled.
  init() {
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  }

  var family: Int32 { Int32(storage.ss_family) }

  /// Lends the address to a system call that reads it.
  func read<Result>(_ body: (ReadableAddress, socklen_t) -> Result) -> Result {
    unsafe withUnsafeBytes(of: storage) {
      let address = unsafe $0.assumingMemoryBound(to: sockaddr.self).baseAddress!
      return unsafe body(ReadableAddress(address), length)
    }
  }

  /// Lends the room to a system call that fills it.
  mutating func fill<Result>(
    _ body: (FillableAddress, UnsafeMutablePointer<socklen_t>) -> Result
  ) -> Result {
    unsafe withUnsafeMutableBytes(of: &storage) { room in
      unsafe withUnsafeMutablePointer(to: &length) {
        let address = unsafe room.assumingMemoryBound(to: sockaddr.self).baseAddress!
        return unsafe body(FillableAddress(address), $0)
      }
    }
  }
}

extension RawAddress {
  /// The longest path, in bytes: one is kept for the zero at its end (unix(7)).
  static let pathLimit =
    MemoryLayout<sockaddr_un>.size - MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! - 1

  /// Copies `size` bytes of an address, or as many as there are.
  init(copying bytes: UnsafeRawBufferPointer) {
    length = socklen_t(min(bytes.count, MemoryLayout<sockaddr_storage>.size))
    unsafe withUnsafeMutableBytes(of: &storage) {
      unsafe $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(length))))
    }
  }

  /// The form that system calls take.
  ///
  /// - Throws: ``TransportError/pathTooLong(path:limitInBytes:)``,
  ///   ``TransportError/pathContainsNUL(path:)``.
  init(_ address: Address) throws(TransportError) {
    switch address {
    case .ipv4(let octets, let port):
      var name = sockaddr_in()
      #if canImport(Darwin)
        name.sin_len = UInt8(MemoryLayout<sockaddr_in>.size)
      #endif
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      name.sin_addr = unsafe unsafeBitCast(octets, to: in_addr.self)
      self = unsafe withUnsafeBytes(of: name) { unsafe RawAddress(copying: $0) }

    case .ipv6(let octets, let port, let scope):
      var name = sockaddr_in6()
      #if canImport(Darwin)
        name.sin6_len = UInt8(MemoryLayout<sockaddr_in6>.size)
      #endif
      name.sin6_family = sa_family_t(AF_INET6)
      name.sin6_port = port.bigEndian
      name.sin6_addr = unsafe unsafeBitCast(octets, to: in6_addr.self)
      name.sin6_scope_id = scope
      self = unsafe withUnsafeBytes(of: name) { unsafe RawAddress(copying: $0) }

    case .unix(let path):
      let bytes = Array((path ?? "").utf8)
      guard bytes.count <= RawAddress.pathLimit else {
        throw .pathTooLong(path: path ?? "", limitInBytes: RawAddress.pathLimit)
      }
      // In an abstract name, which begins with a zero, zeros are like other bytes (unix(7)).
      if bytes.contains(0), bytes[0] != 0 { throw .pathContainsNUL(path: path ?? "") }
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &name.sun_path) { unsafe $0.copyBytes(from: bytes) }
      // An abstract name is as long as it is said to be; a path ends with a zero (unix(7)).
      let end = bytes.isEmpty || bytes[0] == 0 ? bytes.count : bytes.count + 1
      let size = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + end
      #if canImport(Darwin)
        name.sun_len = UInt8(size)
      #endif
      self = unsafe withUnsafeBytes(of: name) {
        unsafe RawAddress(copying: UnsafeRawBufferPointer(rebasing: $0.prefix(size)))
      }
    }
  }

  /// The address in our form; `nil` for a family that is none of ours.
  ///
  /// A peer that came over IPv4 to a dual-stack listener is an IPv4 peer, not `::ffff:192.0.2.1`.
  var address: Address? {
    unsafe withUnsafeBytes(of: storage) { bytes in
      switch family {
      case AF_INET:
        let name = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
        return .ipv4(
          octets: unsafe unsafeBitCast(name.sin_addr, to: SIMD4<UInt8>.self),
          port: UInt16(bigEndian: name.sin_port))
      case AF_INET6:
        let name = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
        let octets = unsafe unsafeBitCast(name.sin6_addr, to: SIMD16<UInt8>.self)
        let port = UInt16(bigEndian: name.sin6_port)
        return Address(ipv6: octets, port: port, scope: name.sin6_scope_id)
      case AF_UNIX:
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)!
        let path = unsafe bytes[min(start, Int(length))..<min(bytes.count, Int(length))]
        guard let first = unsafe path.first else { return .unix(path: nil) }
        if first == 0 {
          #if canImport(Darwin)
            return .unix(path: nil)  // Darwin pads an absent path with zeros
          #else
            return unsafe .unix(path: String(decoding: path, as: UTF8.self))
          #endif
        }
        return unsafe .unix(path: String(decoding: path.prefix { $0 != 0 }, as: UTF8.self))
      default:
        return nil
      }
    }
  }
}
