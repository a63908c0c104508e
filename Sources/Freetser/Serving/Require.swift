// What those who write a program must see to.

/// Ends the program with a sentence unless a rule is kept that only the program's own mistake can break.
///
/// Not `precondition`, whose sentence is lost in a release build, where such a mistake may show first.
@inline(__always)
func require(_ isKept: Bool, _ rule: @autoclosure () -> String) {
  if !isKept { fatalError(rule()) }
}
