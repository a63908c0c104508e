// Which of a log's lines belong to which request.

public import Logging

extension Logger {
  /// The same logger, whose lines say in `request` to which request they belong (``Request/id``).
  ///
  /// ```swift
  /// let log = logger.with(request)
  /// log.info("Note saved")  // … Note saved request=1g2v3k-0
  /// ```
  ///
  /// The server's own lines about a request, and those of an ``AccessLog``, say the same.
  public func with(_ request: Request) -> Logger {
    var logger = self
    logger[metadataKey: "request"] = "\(request.id)"
    return logger
  }
}
