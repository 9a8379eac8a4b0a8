"""A streamed answer in Python: each piece is shown as it comes.

KUAI_API_KEY=sk-... python3 stream.py
"""

import sys

import kuai

try:
    client = kuai.Client()
    for text in client.stream(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "请介绍一下你自己"}],
    ):
        print(text, end="", flush=True)
    print()
except kuai.Error as problem:
    sys.exit(f"{problem.status}: {problem}")
