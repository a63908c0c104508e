// What `import Freetser` brings along, so that a program needs one import.
//
// Whole modules, as the members of a type are visible only where its module is imported. A program's own types
// take precedence over those of the same name here.

@_exported public import HTTPCore
@_exported public import HTTPTypes
@_exported public import KVStore
@_exported public import Transport
