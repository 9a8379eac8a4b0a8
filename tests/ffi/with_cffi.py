"""Python's cffi on the unchanged include/kuai_ffi.h:  python3 with_cffi.py kuai_ffi.h libkuai.so"""

import json
import sys

import cffi

_, header, library = sys.argv
ffi = cffi.FFI()
with open(header, encoding="utf-8") as file:
    ffi.cdef(file.read())
lib = ffi.dlopen(library)


def text_of(borrowed):
    return ffi.string(borrowed).decode()


question = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"请介绍一下你自己"}]}'.encode()
client = ffi.gc(lib.kuai_client_new(ffi.NULL), lib.kuai_client_free)
assert lib.kuai_client_error(client) == ffi.NULL

result = ffi.gc(lib.kuai_call(client, b"chat.completions.create", question, ffi.NULL), lib.kuai_result_free)
assert lib.kuai_result_status(result) == lib.KUAI_OK
assert text_of(lib.kuai_result_header(result, b"Content-Type")).startswith("application/json")
assert lib.kuai_result_header(result, b"x-none") == ffi.NULL
text = text_of(lib.kuai_result_text(result, ffi.NULL))
size = ffi.new("size_t *")
body = bytes(ffi.buffer(lib.kuai_result_body(result, size), size[0]))
assert size[0] == lib.kuai_result_body_size(result)
assert json.loads(body)["choices"][0]["message"]["content"] == text

status = ffi.new("kuai_status *")
answer = ffi.gc(lib.kuai_chat_complete(client, question, status), lib.kuai_string_free)
assert status[0] == lib.KUAI_OK
assert json.loads(text_of(answer))["choices"][0]["message"]["content"] == text

stream = ffi.gc(lib.kuai_chat_stream(client, question), lib.kuai_stream_free)
joined = ""
while (turn := lib.kuai_stream_next(stream)) == lib.KUAI_OK:
    joined += text_of(lib.kuai_stream_text(stream, ffi.NULL))
assert turn == lib.KUAI_DONE and joined == text
assert text_of(lib.kuai_result_text(lib.kuai_stream_result(stream), ffi.NULL)) == text
print(text)
