#!/usr/bin/env python3
"""Calls every operation of the table with the official Python SDK, and writes down what went over the wire.

    sdk_wire.py table.tsv folder

Each operation is called several times (VARIANTS), with parameters made from the types that the SDK declares for them,
against a server on loopback that records. Out comes one line of JSON a call:

    {"operation":…, "variant":…, "params": the same parameters as JSON text, "headers": those that are header
     parameters, "stream":…, "method":…, "target":…, "sent_headers":[[name,value],…], "body": base64}

Files to upload are made in the folder, and stand in the params as {"path":…}.

Azure's client calls each of them too (variant "azure"). A list is also asked for its second page, as variant "page": "page" is the answer to the first request, and what is
written down is the second one.
"""

import base64
import inspect
import json
import mimetypes
import sys
import threading
import typing
import warnings
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import PathLike
from pathlib import Path

import openai
import typing_extensions
from openai._types import NotGiven, Omit
from openai._utils import PropertyInfo

# What is given: every parameter; what must be; every one with odd text and odd names of files; null where it may be;
# what must be, and a stream; and with `files.create` what must be, the file with each of ENDINGS.
VARIANTS = ["all", "required", "odd", "null", "stream"]

# How deep optional members are filled in.
DEPTH = 4

# Parameters that the SDK keeps for itself.
NOT_OF_THE_API = {"extra_headers", "extra_query", "extra_body", "timeout", "output_type", "tool_handlers"}

# That of the tests' clients.
KEY = "sk-test-not-a-real-key"

# Parameters that the SDK sends as headers.
HEADERS = {"betas": "openai-beta", "idempotency_key": "Idempotency-Key"}

# A member that no SDK knows, with a number that no machine holds.
UNKNOWN = {"x_unknown": {"zeta": 12345678901234567890123456789, "alpha": [0.1, None, "\u4f60\u597d"]}}

ODD = "a b&c=d+e/%2F\u4f60\u597d\U0001f600\"'\\ü~:;,?#[]{}<>|^`$!*()@"
# A path parameter of libkuai is one segment, and says so: no slash, no backslash.
ODD_IN_PATH = "a b&c=d+e%2F\u4f60\u597d\U0001f600\"'ü~:;,?#[]{}<>|^`$!*()@"

ENDINGS = """
png jpg jpeg webp gif wav mp3 m4a flac ogg opus aac webm mp4 mpeg mpga mov jsonl json txt md pdf csv tsv html xml py js c
cpp java rb go rs sh css docx pptx xlsx doc zip tar gz bin JPG unheard-of
""".split()
ODD_FILE = "a \"b\" ;c\\ %22 \u4f60\u597d\U0001f600\r\n x."


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        assert "transfer-encoding" not in self.headers
        self.server.seen.append((self.command, self.path, list(self.headers.items()), body))
        streamed = b"data: [DONE]\n\n"
        whole = self.server.page or b'{"id":"x","object":"list","data":[],"has_more":false}'
        out, kind = (streamed, "text/event-stream") if self.server.stream else (whole, "application/json")
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = answer

    def log_message(self, *_):
        pass


class Maker:
    """Makes values of declared types. What it chooses depends on nothing but the order in which it is asked."""

    def __init__(self, variant, folder, path_names):
        self.variant, self.folder, self.path_names = variant, folder, path_names
        self.ending = variant.partition(".")[2]
        self.turn = 0

    def next(self):
        self.turn += 1
        return self.turn

    def text(self, name):
        if self.variant != "odd" or name in HEADERS:
            return f"{name}-{self.next()}"
        return f"{ODD_IN_PATH if name in self.path_names else ODD}{self.next()}"

    def file(self, name):
        ending = self.ending or ENDINGS[self.next() * 7 % len(ENDINGS)]
        path = self.folder / (ODD_FILE + ending if self.variant == "odd" else f"{name}-{self.next()}.{ending}")
        path.write_bytes(b"\0\r\n--\r\n" + ending.encode() + bytes(range(256)))
        return path

    def make(self, kind, name, depth=0):
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Annotated, typing.Required, typing.NotRequired):
            return self.make(args[0], name, depth)
        if is_union(kind):
            args = [one for one in args if one not in (Omit, NotGiven, type(None))]
            files = [one for one in args if is_list(one) and is_file(typing.get_args(typing.get_args(one)[0]))]
            # One file or several, where both may be.
            if files and (self.variant == "all" or not is_file(args)):
                return self.make(files[0], name, depth)
            if is_file(args):
                return self.file(name)
            return self.make(args[self.next() % len(args)], name, depth)
        if origin is typing.Literal:
            return args[self.next() % len(args)]
        if kind is str:
            return self.text(name)
        if kind is bool:
            return self.next() % 2 == 0
        if kind is int:
            return 9007199254740993 + self.next()
        if kind is float:
            return [0.1, 1e-7, 2.5, 1e21, -3.0][self.next() % 5]
        if kind in (bytes, datetime, date):
            raise TypeError(f"{name}: {kind}")
        if kind in (object, typing.Any):
            return {"any": [self.next(), "x"]}
        if typing_extensions.is_typeddict(kind):
            return self.members(kind, depth + 1)
        if is_list(kind):
            # The second one nested shows what becomes of several.
            return [self.make(args[0], name, depth + 1) for _ in range(2 if depth < DEPTH else 1)]
        if origin is dict or kind is dict:
            inner = args[1] if args else str
            return {key: self.make(inner, name, depth + 1) for key in ("k1", "key \u00fc")}
        raise TypeError(f"{name}: nobody knows what to make of {kind}")

    def members(self, kind, depth):
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
        made = {}
        for name, hint in hints.items():
            if not is_needed(kind, name, hint) and (depth > DEPTH or self.variant == "required"):
                continue
            made[wire_name(name, hint)] = self.make(hint, name, depth)
        return made


def is_needed(kind, name, hint):
    """`__required_keys__` knows nothing of what stands in annotations that were texts."""
    origin = typing.get_origin(hint)
    return origin is typing.Required or (name in kind.__required_keys__ and origin is not typing.NotRequired)


def is_union(kind):
    return typing.get_origin(kind) is typing.Union or type(kind).__name__ == "UnionType"


def is_list(kind):
    origin = typing.get_origin(kind)
    name = getattr(origin, "__name__", "")
    return name in ("list", "Iterable", "Sequence", "SequenceNotStr", "tuple")


def is_file(kinds):
    return any(typing.get_origin(one) is PathLike or one is PathLike for one in kinds) and any(
        typing.get_origin(one) is tuple for one in kinds
    )


def wire_name(name, hint):
    if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
        hint = typing.get_args(hint)[0]
    infos = [info for info in getattr(hint, "__metadata__", ()) if isinstance(info, PropertyInfo)]
    return next((info.alias for info in infos if info.alias), name)


def may_be_null(kind):
    return is_union(kind) and type(None) in typing.get_args(kind)


def as_param(value):
    """What libkuai is given: a file by its path."""
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, list):
        return [as_param(one) for one in value]
    return value


def find_method(client, name):
    """The SDK's method, or None."""
    found = client
    for word in name.split("."):
        found = getattr(found, word, None)
        if found is None:
            return None
    return found


class Operation:
    def __init__(self, row, client):
        # Where the SDK has moved an operation of the description, ours has both places.
        names = [row["name"].removesuffix("_newer")] + [alias for alias in row["aliases"].split(",") if alias != "-"]
        found = [method for method in (find_method(client, name) for name in names) if method]
        self.name, self.row = row["name"], row
        self.method = found[0] if found else None
        if not self.method:
            return
        function = inspect.unwrap(self.method.__func__)
        self.hints = typing.get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.parameters = [one for one in parameters if one.name not in NOT_OF_THE_API]
        # Of several sets of what must be given, the first.
        first = next(iter(typing_extensions.get_overloads(function)), function)
        self.needed = {one.name for one in inspect.signature(first).parameters.values() if one.default is one.empty}
        # Those of the path come before the keywords, or are keywords without a default whose name the path has.
        self.path_names = {one.name for one in self.parameters if "{%s}" % one.name in row["path"]}
        self.path_names |= {one.name for one in self.parameters if one.kind is one.POSITIONAL_OR_KEYWORD}

    def arguments(self, variant, folder):
        maker = Maker(variant, folder, self.path_names)
        arguments = {}
        for one in self.parameters:
            hint = self.hints[one.name]
            if one.name == "stream":
                if variant == "stream":
                    arguments["stream"] = True
            elif variant == "null" and may_be_null(hint):
                arguments[one.name] = None
            elif one.name in self.needed or variant in ("all", "odd"):
                arguments[one.name] = maker.make(hint, one.name)
        return arguments

    def has_stream(self):
        return any(one.name == "stream" for one in self.parameters)


def call(server, operation, variant, folder):
    arguments = operation.arguments(variant, folder)
    more = {}
    if operation.row["content"] == "json" and variant == "all":
        more["extra_body"] = UNKNOWN
    server.stream = variant == "stream"
    server.seen.clear()
    try:
        answer = operation.method(**arguments, **more)
        if variant == "stream":
            answer.close()
    except Exception as error:  # What the SDK makes of the answer is its own business.
        if not server.seen:
            raise RuntimeError(f"{operation.name}, {variant}: nothing was sent: {error!r}") from error
    (method, target, headers, body), = server.seen
    given = {name: value for name, value in arguments.items() if name not in HEADERS and name != "stream"}
    params = {wire_name(name, operation.hints[name]): as_param(value) for name, value in given.items()}
    return {
        "operation": operation.name,
        "variant": variant,
        "params": json.dumps({**params, **more.get("extra_body", {})}, ensure_ascii=False),
        "headers": {HEADERS[name]: arguments[name] for name in HEADERS if arguments.get(name) is not None},
        "stream": variant == "stream",
        "method": method,
        "target": target,
        "sent_headers": headers,
        "body": base64.b64encode(body).decode(),
    }


def second_page(server, operation, folder):
    """What the SDK asks for when a list has another page; None where it knows of none."""
    ids = {"first_id": "id +1", "last_id": "id/2"}
    page = {"object": "list", "data": [{"id": "id +1"}, {"id": "id/2"}], "has_more": True, **ids}
    # Without headers, which the other variants compare, and without another way through the list.
    left_out = {"before", *HEADERS}
    given = operation.arguments("all", folder)
    arguments = {name: value for name, value in given.items() if name not in left_out}
    server.stream, server.page = False, json.dumps(page).encode()
    server.seen.clear()
    try:
        answer = operation.method(**arguments)
        if not hasattr(answer, "next_page_info"):
            return None
        if "next" in type(answer).model_fields:
            page = {"object": "list", "data": page["data"], "has_more": True, "next": "token=3"}
            server.page = json.dumps(page).encode()
            answer = operation.method(**arguments)
        if not answer.has_next_page():
            return None
        answer.get_next_page()
    finally:
        server.page = None
    method, target, headers, body = server.seen[-1]
    return {
        "operation": operation.name,
        "variant": "page",
        "params": json.dumps({wire_name(name, operation.hints[name]): value for name, value in arguments.items()}),
        "page": json.dumps(page),
        "method": method,
        "target": target,
        "sent_headers": headers,
        "body": base64.b64encode(body).decode(),
    }


def main():
    mimetypes.knownfiles.clear()  # Python's own table, not this machine's.
    mimetypes.init()
    warnings.simplefilter("ignore")  # Deprecated operations are called as well.
    table, folder = Path(sys.argv[1]), Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen, server.stream, server.page = [], False, None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    common = {"api_key": KEY, "admin_api_key": KEY, "max_retries": 0}
    http = openai.DefaultHttpxClient(trust_env=False)
    client = openai.OpenAI(base_url=f"{host}/v1", http_client=http, **common)
    azure = openai.AzureOpenAI(
        azure_endpoint=host, azure_deployment="a +1", api_version="2026-01-01", http_client=http, **common
    )
    columns, *lines = (line.split("\t") for line in table.read_text().splitlines())
    rows = [dict(zip(columns, line)) for line in lines]
    moved = {row["name"].removesuffix("_newer") for row in rows if row["name"].endswith("_newer")}
    for row in rows:
        operation = Operation(row, client)
        if not operation.method or operation.name in moved:
            print(json.dumps({"operation": operation.name, "variant": "none"}))
            continue
        for variant in VARIANTS:
            if variant != "stream" or operation.has_stream():
                print(json.dumps(call(server, operation, variant, folder)))
        print(json.dumps({**call(server, Operation(row, azure), "required", folder), "variant": "azure"}))
        if operation.row["method"] == "GET" and (page := second_page(server, operation, folder)):
            print(json.dumps(page))
        if operation.name == "files.create":
            for ending in ENDINGS:
                print(json.dumps(call(server, operation, f"required.{ending}", folder)))


if __name__ == "__main__":
    main()
