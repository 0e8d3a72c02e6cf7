"""Lists, structs and maps as bytes that order as they do, and back; `encode.h` has the bytes."""

from bighead.kernels.nested._nested import decode, encode

__all__ = ["decode", "encode"]
