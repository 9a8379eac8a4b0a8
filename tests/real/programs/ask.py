"""As ask.c:  python3 ask.py kuai_ffi.h libkuai.so CONFIG call|stream OPERATION PARAMS"""

import json
import sys

import cffi

header, library, config, how, operation, params = sys.argv[1:]
ffi = cffi.FFI()
with open(header, encoding="utf-8") as file:
    ffi.cdef(file.read())
kuai = ffi.dlopen(library)
sys.stdout.reconfigure(encoding="utf-8")


def text(pointer):
    return "" if pointer == ffi.NULL else ffi.string(pointer).decode()


def show(result):
    document = json.loads(text(kuai.kuai_result_json(result)) or "null")
    error = document.get("error") if isinstance(document, dict) else None
    print("status:", text(kuai.kuai_status_name(kuai.kuai_result_status(result))))
    print("http:", kuai.kuai_result_http_status(result))
    print("type:", text(kuai.kuai_result_header(result, b"content-type")))
    print("text:", text(kuai.kuai_result_text(result, ffi.NULL)))
    print("error:", error["message"] if error else "")
    print("json:", text(kuai.kuai_result_json(result)))


client = ffi.gc(kuai.kuai_client_new(config.encode()), kuai.kuai_client_free)
if how == "stream":
    request = ffi.gc(kuai.kuai_request_new(operation.encode(), params.encode(), ffi.NULL), kuai.kuai_request_free)
    stream = ffi.gc(kuai.kuai_open(client, request), kuai.kuai_stream_free)
    events, pieces = 0, ""
    while kuai.kuai_stream_next(stream) == kuai.KUAI_OK:
        pieces += text(kuai.kuai_stream_text(stream, ffi.NULL))
        events += 1
    print("pieces:", pieces)
    print("several events:", "yes" if events > 2 else "no")
    show(kuai.kuai_stream_result(stream))
else:
    show(ffi.gc(kuai.kuai_call(client, operation.encode(), params.encode(), ffi.NULL), kuai.kuai_result_free))
