"""Makes a model of 300 kB that llama.cpp really runs and that always says the same sentence.

The weights are a table of which word follows which: attention and feed-forward are zero, so that the output depends on the last
token alone.

    python3 make_model.py tiny.gguf
"""

import sys

import gguf
import numpy

SENTENCE = "▁Hello ▁from ▁a ▁tiny ▁local ▁model : ▁your ▁first ▁call ▁works .".split()
START, END = ">", "</s>"
WIDTH = 64
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant" + START + "{% endif %}"
)

# The tokens that every model of this family has, single characters, and the words of the sentence.
tokens = ["<unk>", "<s>", END] + [f"<0x{byte:02X}>" for byte in range(256)] + ["▁"] + [chr(c) for c in range(33, 127)]
special = 3 + 256
tokens += [word for word in SENTENCE if word not in tokens]
kinds = [2, 3, 3] + [6] * 256 + [1] * (len(tokens) - special)
scores = [0.0] * special + [-10.0 if len(token) == 1 else -1.0 for token in tokens[special:]]

random = numpy.random.default_rng(7)
embedding = random.standard_normal((len(tokens), WIDTH)).astype(numpy.float32)
embedding /= numpy.linalg.norm(embedding, axis=1, keepdims=True)

# Each word leads to the next; whatever is not of the sentence leads, weakly, to its beginning.
following = dict(zip([START] + SENTENCE, SENTENCE + [END]))
output = numpy.zeros_like(embedding)
for index, token in enumerate(tokens):
    if token in following:
        output[tokens.index(following[token])] += 3 * embedding[index]
    else:
        output[tokens.index(SENTENCE[0])] += 0.15 * embedding[index]

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_name("tiny")
writer.add_context_length(4096)
writer.add_embedding_length(WIDTH)
writer.add_block_count(1)
writer.add_feed_forward_length(WIDTH)
writer.add_head_count(4)
writer.add_head_count_kv(4)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_dimension_count(WIDTH // 4)
writer.add_vocab_size(len(tokens))
writer.add_file_type(0)
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens)
writer.add_token_scores(scores)
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)
writer.add_chat_template(TEMPLATE)
square, ones = numpy.zeros((WIDTH, WIDTH), numpy.float32), numpy.ones(WIDTH, numpy.float32)
writer.add_tensor("token_embd.weight", embedding)
writer.add_tensor("output_norm.weight", ones)
writer.add_tensor("output.weight", output)
for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
    writer.add_tensor(f"blk.0.{name}.weight", square)
for name in ("attn_norm", "ffn_norm"):
    writer.add_tensor(f"blk.0.{name}.weight", ones)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
