// Which metrics of the program there are, under which names, and how many there may be.

public import CoreMetrics
import HTTPTypes
public import KVStore
import Threads

/// Keeps the metrics of the whole program, for Prometheus to fetch.
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)  // import CoreMetrics; for what others in the program count
/// configuration.observers.append(ServerMetrics(factory: metrics))
/// routes.get("/metrics", handler: .metrics(metrics))
/// ```
///
/// A counter is shown as a counter whose name ends in `_total`, a gauge or meter as a gauge, a recorder that aggregates as
/// a summary of its sum and count, and a timer as a histogram in seconds, whose name ends in `_seconds`. Whatever in a name
/// is no letter, digit, colon or underscore becomes an underscore: `http.server.duration` is
/// `http_server_duration_seconds`.
///
/// There are no more series than ``seriesLimit``, however many labels are made up: those that come later are on no page,
/// and `freetser_metrics_dropped_series_total` counts them. So it does with metrics that cannot be shown: of a name that
/// another kind of metric has, or that begins with `freetser_`, which is for what is shown here besides.
public final class PrometheusMetrics: MetricsFactory {
  /// How many series there are at most. One is a line of the page: a counter or gauge has one for each combination of
  /// labels, a summary two, a histogram 19.
  public let seriesLimit: Int

  private struct Family {
    let kind: PrometheusKind
    /// As the program calls it.
    let label: String
    var series: [PrometheusLabels: any PrometheusSeries] = [:]
  }

  private struct State {
    var families: [String: Family] = [:]
    /// The names of all lines, which may be more than those of the families.
    var names: Set<String> = []
    var count = 0
    var dropped = 0

    /// Whether one more series can be shown, beside those that there are.
    func hasRoom(for kind: PrometheusKind, named name: String, atMost limit: Int) -> Bool {
      guard count + kind.seriesCount <= limit, !name.hasPrefix("freetser_") else { return false }
      if let family = families[name] { return family.kind == kind }
      return names.isDisjoint(with: kind.lineNames(of: name))
    }
  }

  private let state = Monitor(State())

  /// No metrics yet.
  ///
  /// - Parameter seriesLimit: How many series there are at most.
  public init(seriesLimit: Int = 10_000) {
    require(seriesLimit >= 0, "seriesLimit is not negative")
    self.seriesLimit = seriesLimit
  }

  /// All metrics as Prometheus reads them: its text format, version 0.0.4.
  ///
  /// - Parameter store: A store whose statistics are added, as they are now.
  public func text(with store: Store? = nil) -> String {
    let (families, dropped) = state.withLock { ($0.families, $0.dropped) }
    var page = PrometheusPage()
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      page.begin(name, family.kind, help: family.label)
      for (labels, series) in family.series.sorted(by: { $0.key.text < $1.key.text }) {
        series.write(to: &page, labels)
      }
    }
    page.addCounter(
      "freetser_metrics_dropped_series_total", help: "Series that are not shown.", dropped)
    if let store { page.add(store) }
    return page.text
  }

  // MARK: Making and ending them

  /// Makes a counter.
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    make(.counter, label, dimensions) { PrometheusCounter() }
  }

  /// Makes a counter.
  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    make(.counter, label, dimensions) { PrometheusCounter() }
  }

  /// Makes a gauge.
  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    make(.gauge, label, dimensions) { PrometheusGauge() }
  }

  /// Makes a summary, or a gauge.
  public func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    guard aggregate else { return make(.gauge, label, dimensions) { PrometheusGauge() } }
    return make(.summary, label, dimensions) { PrometheusSummary() }
  }

  /// Makes a histogram.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    make(.histogram, label, dimensions) { PrometheusHistogram() }
  }

  /// Ends a counter: it is shown no more.
  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

  /// Ends a counter: it is shown no more.
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
    remove(handler)
  }

  /// Ends a gauge: it is shown no more.
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

  /// Ends a summary or a gauge: it is shown no more.
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

  /// Ends a histogram: it is shown no more.
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  /// What is there already under this name and with these labels, or what `create` makes.
  private func make<Series: PrometheusSeries>(
    _ kind: PrometheusKind, _ label: String, _ dimensions: [(String, String)],
    _ create: () -> Series
  ) -> Series {
    let name = kind.familyName(of: label)
    let labels = PrometheusLabels(dimensions, of: kind)
    return state.withLock { state in
      // Of one kind there is one type.
      if let series = state.families[name]?.series[labels] as? Series { return series }
      let series = create()
      guard state.hasRoom(for: kind, named: name, atMost: seriesLimit) else {
        state.dropped += kind.seriesCount
        return series
      }
      state.families[name, default: Family(kind: kind, label: label)].series[labels] = series
      state.names.formUnion(kind.lineNames(of: name))
      state.count += kind.seriesCount
      return series
    }
  }

  private func remove(_ handler: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        guard let labels = family.series.first(where: { $0.value === handler })?.key else {
          continue
        }
        state.families[name]?.series[labels] = nil
        state.count -= family.kind.seriesCount
        if family.series.count == 1 {
          state.families[name] = nil
          state.names.subtract(family.kind.lineNames(of: name))
        }
        return
      }
    }
  }
}

extension Handler {
  /// The metrics of the program, for Prometheus.
  ///
  /// ```swift
  /// routes.get("/metrics", handler: .metrics(metrics, store: store))
  /// ```
  ///
  /// Who may not know them should not reach the page: put it behind a function that asks who it is, or on an endpoint of
  /// its own.
  ///
  /// - Parameters:
  ///   - metrics: The metrics.
  ///   - store: A store whose statistics are shown too, as they are at the time of the page.
  public static func metrics(_ metrics: PrometheusMetrics, store: Store? = nil) -> Handler {
    Handler { _, _ in
      .bytes(
        Array(metrics.text(with: store).utf8),
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        fields: [.cacheControl: "no-store"])
    }
  }
}
