// How hard the store pushes a commit towards the disk.

/// What a change survives once `execute` has returned.
///
/// Either way the file stays whole, and a change survives the end of the process: `kill -9`, a trap
/// in a routine, running out of memory.
public enum Durability: Sendable {
  /// The change also survives a crash of the system or a loss of power: each commit waits for the
  /// disk.
  case full

  /// A crash of the system or a loss of power may take back the last few commits; several times as
  /// fast. This is what freetser for Python does.
  case normal
}
