@testable import Freetser

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What gmtime_r(3) makes of a number of seconds.
func systemTime(_ seconds: Int) -> CivilTime {
  var second = time_t(seconds)
  var parts = unsafe tm()
  unsafe gmtime_r(&second, &parts)
  var time = CivilTime(secondsSince1970: 0)
  unsafe (time.year, time.month, time.day) = (
    Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)
  )
  unsafe (time.hour, time.minute, time.second) = (
    Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)
  )
  unsafe time.weekday = Int(parts.tm_wday)
  return time
}
