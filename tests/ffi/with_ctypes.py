"""Python's ctypes on the unchanged include/kuai_ffi.h:  python3 with_ctypes.py kuai_ffi.h libkuai.so

The header is read by the function that examples-c/python/kuai.py offers to everybody.
"""

import ctypes
import json
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples-c", "python"))
from kuai import load

_, header, library = sys.argv
lib = load(library, header)
question = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"请介绍一下你自己"}]}'.encode()
client = lib.kuai_client_new(None)
assert lib.kuai_client_error(client) is None

result = lib.kuai_call(client, b"chat.completions.create", question, None)
assert lib.kuai_result_status(result) == lib.KUAI_OK
assert lib.kuai_result_header(result, b"Content-Type").startswith(b"application/json")
assert lib.kuai_result_header(result, b"x-none") is None
size = ctypes.c_size_t()
text = lib.kuai_result_text(result, ctypes.byref(size)).decode()
assert size.value == len(text.encode())
body = ctypes.string_at(lib.kuai_result_body(result, None), lib.kuai_result_body_size(result))
assert json.loads(body)["choices"][0]["message"]["content"] == text
lib.kuai_result_free(result)

status = ctypes.c_int32(-1)
answer = lib.kuai_chat_complete(client, question, ctypes.byref(status))
assert status.value == lib.KUAI_OK
assert json.loads(ctypes.string_at(answer))["choices"][0]["message"]["content"] == text
lib.kuai_string_free(answer)

stream = lib.kuai_chat_stream(client, question)
joined = b""
while (status := lib.kuai_stream_next(stream)) == lib.KUAI_OK:
    joined += lib.kuai_stream_text(stream, None)
assert status == lib.KUAI_DONE and joined.decode() == text
lib.kuai_stream_free(stream)

# Cancelling from another Python thread: ctypes lets go of the interpreter lock during a call.
cancel = lib.kuai_cancel_new()
hanging = question.replace(b"gpt-4o-mini", b"error-hang")
request = lib.kuai_request_new(b"chat.completions.create", hanging, None)
lib.kuai_request_cancel_with(request, cancel)
threading.Timer(0.2, lib.kuai_cancel_trigger, [cancel]).start()
result = lib.kuai_send(client, request)
assert lib.kuai_result_status(result) == lib.KUAI_CANCELLED
lib.kuai_result_free(result)
lib.kuai_request_free(request)
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
lib.kuai_cancel_free(cancel)
lib.kuai_client_free(client)
print(text)
