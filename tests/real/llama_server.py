"""llama.cpp's own HTTP server, until standard input ends.

    python3 llama_server.py PORT KEY MODEL
"""

import sys

import xllamacpp

port, key, model = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.model_alias = {"tiny"}
params.hostnames = ["127.0.0.1"]
params.port = int(port)
params.api_keys = [key]
params.n_ctx = 2048
params.n_parallel = 2
params.cpuparams.n_threads = 1
params.use_jinja = True
params.warmup = False
params.embedding = True
params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print("listening on", server.listening_address, flush=True)
sys.stdin.read()
