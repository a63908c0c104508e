// See `FuzzTarget.client`.

import FuzzChecks

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  unsafe run(.client, start, count)
}
