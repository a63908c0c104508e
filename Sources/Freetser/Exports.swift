// What `import Freetser` brings along, so that a first program needs one import.

@_exported public import HTTPTypes
@_exported public import KVStore

@_exported public import struct HTTPCore.Field
@_exported public import struct HTTPCore.Fields
@_exported public import struct HTTPCore.Version
