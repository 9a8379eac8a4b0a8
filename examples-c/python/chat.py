"""The gateway's Python example: a question, an answer, the tokens that were used.

KUAI_API_KEY=sk-... python3 chat.py
"""

import sys

import kuai

try:
    client = kuai.Client()
    answer = client.chat(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "1+100="}],
    )
    print(answer["choices"][0]["message"]["content"])
    print("tokens:", answer.get("usage", {}).get("total_tokens", "unknown"))
except kuai.Error as problem:
    sys.exit(f"{problem.status}: {problem}")
