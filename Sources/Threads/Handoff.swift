// Carries a value that cannot be copied into a closure that may only be called once.

package import Synchronization

/// A value waiting to be taken, once, by whichever thread asks first.
///
/// An escaping closure cannot consume a noncopyable value it captured; it can capture this and take.
package final class Handoff<Value: ~Copyable & Sendable>: Sendable {
  @usableFromInline let slot: Mutex<Value?>

  @inlinable package init(_ value: consuming Value) {
    slot = Mutex(value)
  }

  /// The value on the first call, `nil` afterwards.
  @inlinable package func take() -> Value? {
    slot.withLock { $0.take() }
  }
}
