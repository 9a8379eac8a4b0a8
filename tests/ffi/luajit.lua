-- LuaJIT's FFI on the unchanged include/kuai_ffi.h:  luajit luajit.lua kuai_ffi.h libkuai.so
local ffi = require("ffi")
local header, library = arg[1], arg[2]
ffi.cdef(assert(io.open(header)):read("*a"))
local kuai = ffi.load(library)

local question = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"请介绍一下你自己"}]}'
local client = ffi.gc(kuai.kuai_client_new(nil), kuai.kuai_client_free)
assert(kuai.kuai_client_error(client) == nil)

local result = ffi.gc(kuai.kuai_call(client, "chat.completions.create", question, nil), kuai.kuai_result_free)
assert(kuai.kuai_result_status(result) == kuai.KUAI_OK)
assert(ffi.string(kuai.kuai_result_header(result, "Content-Type")):find("application/json", 1, true) == 1)
assert(kuai.kuai_result_header(result, "x-none") == nil)
local text = ffi.string(kuai.kuai_result_text(result, nil))
local size = ffi.new("size_t[1]")
local body = ffi.string(kuai.kuai_result_body(result, size), size[0])
assert(size[0] == kuai.kuai_result_body_size(result) and body:find(text, 1, true))

local status = ffi.new("kuai_status[1]")
local answer = ffi.gc(kuai.kuai_chat_complete(client, question, status), kuai.kuai_string_free)
assert(status[0] == kuai.KUAI_OK and ffi.string(answer):find(text, 1, true))

local stream = ffi.gc(kuai.kuai_chat_stream(client, question), kuai.kuai_stream_free)
local pieces = {}
local turn = kuai.kuai_stream_next(stream)
while turn == kuai.KUAI_OK do
  pieces[#pieces + 1] = ffi.string(kuai.kuai_stream_text(stream, nil))
  turn = kuai.kuai_stream_next(stream)
end
assert(turn == kuai.KUAI_DONE and table.concat(pieces) == text)
print(text)
