"""Cuts forms into their parts with Python's own parser of MIME messages.

One form a line comes in: {"content_type":…, "body": base64}. Its parts go out: [{"headers":[[name,value],…], "content": base64},…].
"""

import base64
import email
import json
import sys


def text(value):
    return value.encode("ascii", "surrogateescape").decode()


for line in sys.stdin:
    form = json.loads(line)
    head = f"Content-Type: {form['content_type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + base64.b64decode(form["body"]))
    parts = [
        {
            "headers": [[name, text(value)] for name, value in part.raw_items()],
            "content": base64.b64encode(part.get_payload(decode=True)).decode(),
        }
        for part in message.get_payload()
    ]
    print(json.dumps(parts))
