"""The official Python library doing the same: `openai_python.py WHAT COUNT BASE_URL [CA_FILE]`."""
import sys

import openai

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Hello!"},
]

what, count, base_url = sys.argv[1], int(sys.argv[2]), sys.argv[3]
http = openai.DefaultHttpxClient(verify=sys.argv[4]) if len(sys.argv) > 4 else None
client = openai.OpenAI(base_url=base_url, api_key="sk-bench", http_client=http)
if what == "chat":
    for _ in range(count):
        answer = client.chat.completions.create(model="gpt-4.1", messages=MESSAGES)
        assert answer.choices[0].message.content
elif what == "stream":
    stream = client.chat.completions.create(model=f"e{count}", messages=MESSAGES, stream=True)
    assert sum(1 for chunk in stream if chunk.choices[0].delta is not None) == count + 1
else:
    sys.exit(f"what is {what}?")
