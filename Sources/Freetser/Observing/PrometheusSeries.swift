// What metrics remember between two pages.

import CoreMetrics
import Synchronization
import Threads

/// One metric with one combination of labels.
protocol PrometheusSeries: AnyObject, Sendable {
  /// Writes its lines as they are now.
  func write(to page: inout PrometheusPage, _ labels: PrometheusLabels)
}

/// Counts whole numbers and others; it never falls but to 0.
final class PrometheusCounter: PrometheusSeries, CounterHandler, FloatingPointCounterHandler {
  /// Nearly all that is counted is whole, and this is exact and quick.
  private let whole = Atomic<UInt64>(0)
  private let rest = AtomicDouble()

  func increment(by amount: Int64) {
    guard amount > 0 else { return }
    whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
  }

  func increment(by amount: Double) {
    guard amount > 0, amount.isFinite else { return }
    rest.add(amount)
  }

  func reset() {
    whole.store(0, ordering: .relaxed)
    rest.set(0)
  }

  func write(to page: inout PrometheusPage, _ labels: PrometheusLabels) {
    page.addLine(Double(whole.load(ordering: .relaxed)) + rest.value, labels)
  }
}

/// Has the value that it was given last.
final class PrometheusGauge: PrometheusSeries, MeterHandler, RecorderHandler {
  private let value = AtomicDouble()

  func set(_ value: Int64) { self.value.set(Double(value)) }
  func set(_ value: Double) { self.value.set(value) }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }
  func increment(by amount: Double) { value.add(amount) }
  func decrement(by amount: Double) { value.add(-amount) }

  func write(to page: inout PrometheusPage, _ labels: PrometheusLabels) {
    page.addLine(value.value, labels)
  }
}

/// Adds up what it is given, and counts how often.
final class PrometheusSummary: PrometheusSeries, RecorderHandler {
  private let recorded = Monitor((sum: 0.0, count: 0))

  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    // It would stay for ever.
    guard value.isFinite else { return }
    recorded.withLock {
      $0.sum += value
      $0.count += 1
    }
  }

  func write(to page: inout PrometheusPage, _ labels: PrometheusLabels) {
    let (sum, count) = recorded.withLock { $0 }
    page.addLine(sum, suffix: "_sum", labels)
    page.addLine(Double(count), suffix: "_count", labels)
  }
}

/// Counts times by how long they are.
final class PrometheusHistogram: PrometheusSeries, TimerHandler {
  /// The buckets, in seconds: three for each power of ten, from a small page to what nobody waits for any longer.
  static let limits: [Double] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  private let recorded = Monitor(
    (counts: [Int](repeating: 0, count: PrometheusHistogram.limits.count + 1), sum: Duration.zero))

  func recordNanoseconds(_ nanoseconds: Int64) {
    let seconds = Double(nanoseconds) / 1e9
    let limits = Self.limits
    let bucket = limits.firstIndex { seconds <= $0 } ?? limits.count
    recorded.withLock {
      $0.counts[bucket] += 1
      $0.sum += .nanoseconds(nanoseconds)
    }
  }

  func write(to page: inout PrometheusPage, _ labels: PrometheusLabels) {
    let (counts, sum) = recorded.withLock { $0 }
    page.addHistogram(
      labels, limits: Self.limits, counts: counts, sum: sum / .seconds(1))
  }
}

/// A number that many threads add to.
private struct AtomicDouble: ~Copyable {
  private let bits = Atomic<UInt64>(0)

  var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  func add(_ amount: Double) {
    var seen = bits.load(ordering: .relaxed)
    while true {
      let sum = (Double(bitPattern: seen) + amount).bitPattern
      let (exchanged, found) = bits.weakCompareExchange(
        expected: seen, desired: sum, ordering: .relaxed)
      if exchanged { return }
      seen = found
    }
  }
}
