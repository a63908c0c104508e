// How often it is told that connections are refused.

import Threads

/// Counts refusals, so that each cause is told at once, and then with its count every 10 s for as long as it lasts.
struct RefusalReports {
  /// A person can follow that; a line for each would bury what else the log has to say.
  static let interval: Duration = .seconds(10)

  private struct Report {
    var count = 0
    var latest: Address
    /// When it is told, or forgotten if nothing has happened since it last was.
    var end: MonotonicTime
  }

  private var reports: [RefusalCause: Report] = [:]

  /// When ``due(_:)`` has something to do.
  var deadline: MonotonicTime { reports.values.map(\.end).min() ?? .distantFuture }

  /// - Returns: What to tell now, if the cause is new.
  mutating func add(
    _ cause: RefusalCause, peer: Address, _ now: MonotonicTime
  ) -> TransportEvent? {
    guard var report = reports[cause] else {
      reports[cause] = Report(latest: peer, end: now + Self.interval)
      return .refused(count: 1, cause, peer: peer)
    }
    report.count += 1
    report.latest = peer
    reports[cause] = report
    return nil
  }

  /// - Returns: What has happened in intervals that are over.
  mutating func due(_ now: MonotonicTime) -> [TransportEvent] {
    var events: [TransportEvent] = []
    for (cause, report) in reports where report.end <= now {
      if report.count > 0 {
        events.append(.refused(count: report.count, cause, peer: report.latest))
        reports[cause] = Report(latest: report.latest, end: now + Self.interval)
      } else {
        reports[cause] = nil
      }
    }
    return events
  }
}
