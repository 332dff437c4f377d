"""ome-stream's C ABI from Python, with nothing but ctypes: create, append, finish, free.

The manual of each function is `ome_stream.h`. A frame is anything that NumPy sees as a C-contiguous array.
"""

from __future__ import annotations

import ctypes
import json
import os
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    import numpy as np

ABI_VERSION = 1

OK = 0
TOO_MANY_FRAMES = 8

# A handle is a number in the shape of a pointer. As a c_size_t it is one in Python too, and 0 stands for none.
HANDLE = c_size_t

FUNCTIONS = {
    "create": (c_char_p, POINTER(HANDLE)),
    "append": (HANDLE, c_void_p, c_uint64, c_char_p, POINTER(c_uint64)),
    "skip": (HANDLE, c_uint64),
    "set_metadata": (HANDLE, c_char_p, c_char_p),
    "status": (HANDLE, c_char_p, c_uint64, POINTER(c_uint64)),
    "path": (HANDLE, c_char_p, c_uint64, POINTER(c_uint64)),
    "last_error": (c_char_p, c_uint64, POINTER(c_uint64)),
    "finish": (HANDLE,),
}


class Error(Exception):
    """A call failed: `code` as in ome_stream.h, its `name`, and the library's message."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.code, self.name = code, name


class Library:
    """The shared library: at `path`, or where the environment variable OME_STREAM_LIBRARY says."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        # CDLL, not PyDLL: other Python threads run while the library waits for the disk.
        self._library = ctypes.CDLL(os.fspath(path or os.environ.get("OME_STREAM_LIBRARY", "libome_stream.so.1")))
        self._library.ome_stream_abi_version.restype = c_uint32
        found = self._library.ome_stream_abi_version()
        if found != ABI_VERSION:
            raise OSError(f"the library has ABI {found}; this wrapper was written for {ABI_VERSION}")
        for name, types in FUNCTIONS.items():
            function = getattr(self._library, f"ome_stream_{name}")
            function.argtypes, function.restype = types, c_int32
        self._library.ome_stream_free.argtypes, self._library.ome_stream_free.restype = (HANDLE,), None
        self._library.ome_stream_error_name.argtypes = (c_int32,)
        self._library.ome_stream_error_name.restype = c_char_p

    def call(self, name: str, *arguments: Any) -> None:
        """Calls `ome_stream_<name>`; raises Error where its code is not 0."""
        code = getattr(self._library, f"ome_stream_{name}")(*arguments)
        if code != OK:
            message = self.text("last_error")
            raise Error(code, self._library.ome_stream_error_name(code).decode(), message)

    def text(self, name: str, *arguments: Any) -> str:
        """Calls a function that fills a buffer, with one of 64 KiB."""
        buffer = ctypes.create_string_buffer(1 << 16)
        self.call(name, *arguments, buffer, len(buffer), None)
        return buffer.value.decode()

    def free(self, handle: HANDLE) -> None:
        """Frees a stream; finishes it first if that was not asked."""
        self._library.ome_stream_free(handle)


class Stream:
    """One acquisition being written. `with` finishes it at the end; after an exception it keeps what came."""

    def __init__(self, library: Library, settings: Mapping[str, Any]) -> None:
        self._library = library
        self._handle = HANDLE(0)
        library.call("create", json.dumps(settings).encode(), byref(self._handle))

    def append(self, frame: np.ndarray, metadata: Mapping[str, Any]) -> int:
        """Takes the next frame (copies it) and returns its number."""
        if not frame.flags.c_contiguous:
            raise ValueError("rows of pixels must follow each other without a gap: numpy.ascontiguousarray(frame)")
        number = c_uint64()
        about = json.dumps(metadata).encode()
        self._library.call("append", self._handle, frame.ctypes.data, frame.nbytes, about, byref(number))
        return number.value

    def skip(self, frames: int) -> None:
        """Leaves the places of the next frames empty."""
        self._library.call("skip", self._handle, frames)

    def set_metadata(self, namespace: str, value: Mapping[str, Any]) -> None:
        """Stores metadata of the whole acquisition."""
        self._library.call("set_metadata", self._handle, namespace.encode(), json.dumps(value).encode())

    def status(self) -> dict[str, Any]:
        """How the stream stands."""
        return json.loads(self._library.text("status", self._handle))

    def path(self) -> str:
        """Folder of the store."""
        return self._library.text("path", self._handle)

    def finish(self) -> None:
        """Stores everything; raises the first thing that went wrong in the whole run."""
        self._library.call("finish", self._handle)

    def free(self) -> None:
        """Ends the stream for ever; without `finish` before, this aborts it and keeps what came."""
        self._library.free(self._handle)
        self._handle = HANDLE(0)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.free()
