"""A small Python module over libkuai: dicts in, dicts out, exceptions for failures. Nothing to install but the library.

The signatures are read from kuai_ffi.h, so that they cannot differ from the library's.
"""

import ctypes
import json
import os
import re

HEADER = os.environ.get("KUAI_FFI_HEADER") or os.path.join(os.path.dirname(__file__), "..", "..", "include", "kuai_ffi.h")
NUMBERS = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "kuai_status": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
}


def load(library=None, header=HEADER):
    """The library with the signature of every function set, and the KUAI_… constants as attributes."""
    lib = ctypes.CDLL(library or os.environ.get("KUAI_LIBRARY") or "libkuai.so.0")
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)
    for returns, name, arguments in re.findall(r"([\w \t\n]+?[\s*]+)(kuai_\w+)\s*\(([^)]*)\)\s*;", text):
        function = getattr(lib, name)
        function.restype = ctype(returns)
        function.argtypes = [ctype(re.sub(r"\w+\s*$", "", a)) for a in arguments.split(",") if a.strip() != "void"]
    for name, value in re.findall(r"\b(KUAI_\w+)\s*=\s*(-?\d+)", text):
        setattr(lib, name, int(value))
    return lib


def ctype(declared):
    words = declared.replace("*", " * ").split()
    if "*" not in words:
        return NUMBERS[words[-1]]
    # `const char *` becomes bytes by itself. `char *` must stay a pointer: the caller has to free it.
    return ctypes.c_char_p if words == ["const", "char", "*"] else ctypes.c_void_p


class Error(Exception):
    """What went wrong: `status` is a KUAI_… constant, `error` the `error` object of the error document."""

    def __init__(self, status, document):
        self.status = status
        self.error = json.loads(document)["error"]
        super().__init__(self.error["message"])


class Client:
    """Shared freely between threads; calls release the interpreter lock."""

    def __init__(self, library=None, **config):
        self._lib = load(library)
        self._client = self._lib.kuai_client_new(encode(config))
        problem = self._lib.kuai_client_error(self._client)
        if problem is not None:
            raise Error(self._lib.KUAI_CONFIG, problem)

    def __del__(self):
        if getattr(self, "_client", None) is not None:
            self._lib.kuai_client_free(self._client)

    def call(self, operation, **params):
        """Any operation, such as "embeddings.create", or "POST /path"; its answer."""
        result = self._lib.kuai_call(self._client, operation.encode(), encode(params), None)
        try:
            return answer(self._lib.kuai_result_status(result), self._lib.kuai_result_json(result))
        finally:
            self._lib.kuai_result_free(result)

    def chat(self, **request):
        """A chat completion; the answer."""
        return self.call("chat.completions.create", **request)

    def stream(self, **request):
        """A chat completion piece by piece: yields each new text, and returns the whole answer."""
        stream = self._lib.kuai_chat_stream(self._client, encode(request))
        try:
            while (status := self._lib.kuai_stream_next(stream)) == self._lib.KUAI_OK:
                yield self._lib.kuai_stream_text(stream, None).decode()
            return answer(status, self._lib.kuai_result_json(self._lib.kuai_stream_result(stream)))
        finally:  # also when the caller stops in the middle
            self._lib.kuai_stream_free(stream)


def encode(value):
    return json.dumps(value, ensure_ascii=False).encode()


def answer(status, document):
    if status < 0:
        raise Error(status, document)
    return json.loads(document)
