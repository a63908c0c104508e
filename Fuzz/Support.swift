// What the fuzz targets have in common.

import FuzzChecks

/// Runs a check on libFuzzer's bytes, and stops the process if it finds something.
func run(_ target: FuzzTarget, _ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Finding) {
    try target.check(unsafe Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    fatalError("\(error)")
  }
  return 0
}
