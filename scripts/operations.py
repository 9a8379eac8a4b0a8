#!/usr/bin/env python3
"""Makes src/operations/table.tsv, the table of every operation of the API, from a description of them.

    scripts/operations.py operations.json [--newer newer.json] [--check]

operations.json: a list of the published description's operations; newer.json: a list of those that the SDKs call
already and the description lacks (method, path, sdk_name). Without --newer the newer ones of the present table stay.
What changes is printed; with --check nothing is written, and the exit status says whether all is up to date.
"""

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "src" / "operations" / "table.tsv"
NEWER = ROOT / "src" / "operations" / "newer.txt"
# What the description says, in its own words: tests/operations.rs holds the table against it.
EXTRACT = ROOT / "tests" / "data" / "description.jsonl"

COLUMNS = "name method path query content files parts stream answer model beta flags aliases".split()

CONTENT = [("json", "application/json"), ("form", "multipart/form-data"), ("sdp", "application/sdp")]

# Where the SDKs send a form, be there a file in it or not, though JSON is described as well.
ALWAYS_FORM = "videos.create videos.edit videos.extend".split()

# The reading order of the table: what most programs want comes first.
GROUPS = """
chat responses completions embeddings models moderations images audio files uploads batches fine_tuning vector_stores
conversations containers skills evals videos realtime live webhooks decisions content_provenance_checks safety
beta.assistants beta.threads beta.responses beta.chatkit beta.realtime beta.agents admin
""".split()
VERBS = "create retrieve list update".split()

# What follows is what the description does not say.

# Names that the SDKs have given since to operations whose name the description's makers had to derive.
ALIASES = {
    "audio.create_voice": ["audio.voices.create"],
    "audio.create_voice_consent": ["audio.voice_consents.create"],
    "audio.get_voice_consent": ["audio.voice_consents.retrieve"],
    "audio.list_voice_consents": ["audio.voice_consents.list"],
    "audio.update_voice_consent": ["audio.voice_consents.update"],
    "audio.delete_voice_consent": ["audio.voice_consents.delete"],
    "realtime.create_realtime_translation_client_secret": ["realtime.translations.client_secrets.create"],
}

# Answers that are not JSON: files, text where `response_format` or the protocol asks for it, or nothing at all.
BINARY = """
audio.speech.create files.content containers.files.content.retrieve videos.download_content skills.content.retrieve
skills.versions.content.retrieve beta.agents.sessions.artifacts.content live.sessions.download_recording
""".split()
TEXT = "audio.transcriptions.create audio.translations.create realtime.calls.create".split()
NOTHING = """
beta.agents.sessions.events.create live.sessions.accept live.sessions.hangup live.sessions.refer live.sessions.reject
""".split()

# Files of forms that the SDKs send already.
FILES = {"images.edit": ["markup"]}

# Where the API demands a model. Elsewhere a missing one has a meaning of its own.
MODEL = """
chat.completions.create responses.create responses.compact responses.input_tokens.count completions.create
embeddings.create audio.speech.create audio.transcriptions.create audio.translations.create fine_tuning.jobs.create
realtime.calls.accept beta.assistants.create beta.responses.create beta.responses.compact
beta.responses.input_tokens.count beta.agents.create decisions.create
""".split()

# What the service wants to read in the header OpenAI-Beta, by the start of the name.
BETA = {
    "beta.assistants.": "assistants=v2",
    "beta.threads.": "assistants=v2",
    "beta.realtime.": "assistants=v2",
    "beta.chatkit.": "chatkit_beta=v1",
    "beta.agents.": "agents=v1",
    "vector_stores.": "assistants=v2",
}

# Of the newer operations: POSTs without a body, streams, and the query parameters of the lists.
NEWER_WITHOUT_BODY = """
beta.agents.automations.pause beta.agents.automations.resume beta.agents.automations.invocations.create
live.sessions.hangup admin.organization.external_keys.validate admin.organization.external_storage.validate
evals.runs.cancel
""".split()
NEWER_STREAMS = {"beta.agents.sessions.create": "stream", "beta.agents.sessions.events.stream": "always"}
NEWER_QUERY = {
    "admin.organization.external_keys.list": "after limit order purpose",
    "admin.organization.external_storage.list": "after limit order project_id",
    "admin.organization.usage.decisions": (
        "start_time end_time bucket_width project_ids user_ids api_key_ids models batch group_by limit page"
    ),
    "admin.organization.workload_identity_providers.federation_rules.list": "after limit order service_account_id",
    "beta.agents.automations.list": "after limit order session_id",
    "beta.agents.environments.files.list": "limit order page path",
    "beta.agents.environments.list": "after limit order type",
    "beta.agents.sessions.artifacts.list": "after limit order environment_id",
    "beta.agents.sessions.events.stream": "include_obfuscation",
    "beta.agents.sessions.list": "after limit order agent_id metadata",
    "beta.agents.vaults.credentials.list": "after limit order metadata status",
    "beta.agents.vaults.list": "after limit order metadata status",
    "webhooks.event_types.list": "",
    "webhooks.list": "after limit",
}


def described(operation):
    """The row of an operation of the description."""
    name, request = operation["sdk_name"], operation["request"]
    form = request.get("multipart/form-data", {})
    encoding = form.get("encoding", {})
    flags = ["deprecated"] if operation["deprecated"] else []
    return {
        "name": name,
        "method": operation["method"],
        "path": operation["path"],
        # The SDKs take `include` where the description writes `include[]`.
        "query": [parameter["name"].removesuffix("[]") for parameter in operation["query_params"]],
        "content": sorted((word for word, kind in CONTENT if kind in request), key=lambda word: is_second(name, word)),
        "files": [file["name"] for file in form.get("files", [])] + FILES.get(name, []),
        "parts": [f"{part}={encoding[part]['contentType']}" for part in encoding],
        "stream": stream(operation),
        "answer": answer(name, operation),
        "model": "required" if name in MODEL else "",
        "beta": beta(name),
        "flags": flags,
        "aliases": operation.get("sdk_aliases", []) + ALIASES.get(name, []),
    }


def is_second(name, word):
    """Whether a type of content gives way to the others that an operation takes."""
    return word == "json" and name in ALWAYS_FORM


def newer(operation, taken):
    """The row of an operation that only the SDKs have."""
    name, method = operation["sdk_name"], operation["method"]
    lists = "after limit order" if name.endswith(".list") else ""
    has_body = method == "POST" and name not in NEWER_WITHOUT_BODY
    return {
        # The SDKs have moved an operation that the description has as well: the name stays with the description.
        "name": f"{name}_newer" if name in taken else name,
        "method": method,
        "path": operation["path"],
        "query": NEWER_QUERY.get(name, lists).split(),
        "content": ["json"] if has_body else [],
        "files": [],
        "parts": [],
        "stream": NEWER_STREAMS.get(name, ""),
        "answer": answer(name, {}),
        "model": "required" if name in MODEL else "",
        "beta": beta(name),
        "flags": ["newer"],
        "aliases": [],
    }


def stream(operation):
    """The member that asks for a stream; for a GET it is in the query."""
    properties = {content.get("stream_property") for content in operation["request"].values()} - {None}
    if not operation["streaming"]:
        return ""
    return properties.pop() if properties else "stream"


def answer(name, operation):
    good = [types for status, types in operation.get("responses", {}).items() if status.startswith("2")]
    if name in BINARY:
        return "binary"
    if name in TEXT:
        return "text"
    return "none" if name in NOTHING or good == [[]] else "json"


def beta(name):
    return next((value for start, value in BETA.items() if name.startswith(start)), "")


def in_reading_order(rows):
    """Group by group, resource by resource in the description's order, create before delete."""
    seen = {}
    for row in rows:
        for prefix in prefixes(row):
            seen.setdefault(prefix, len(seen))

    def key(row):
        group = next((i for i, group in enumerate(GROUPS) if f"{row['name']}.".startswith(f"{group}.")), len(GROUPS))
        verb = row["name"].rpartition(".")[2]
        return group, [seen[prefix] for prefix in prefixes(row)], VERBS.index(verb) if verb in VERBS else len(VERBS)

    return sorted(rows, key=key)


def prefixes(row):
    words = row["name"].split(".")[:-1]
    return [".".join(words[: i + 1]) for i in range(len(words))]


def line(row):
    cells = [",".join(row[column]) if isinstance(row[column], list) else row[column] for column in COLUMNS]
    return "\t".join(cell or "-" for cell in cells) + "\n"


def extract(operation):
    """What the description says of what is sent and answered, as it says it."""
    return {
        "name": operation["sdk_name"],
        "aliases": operation.get("sdk_aliases", []),
        "method": operation["method"],
        "path": operation["path"],
        "in_path": [parameter["name"] for parameter in operation["path_params"]],
        "query": [parameter["name"] for parameter in operation["query_params"]],
        "content": {
            kind: {
                "files": [file["name"] for file in content.get("files", [])],
                "stream": content.get("stream_property"),
                "encoding": content.get("encoding", {}),
            }
            for kind, content in operation["request"].items()
        },
        "answers": sorted(
            {kind for status, kinds in operation["responses"].items() if status.startswith("2") for kind in kinds}
        ),
        "streaming": operation["streaming"],
        "deprecated": operation["deprecated"],
    }


def read_table():
    """The present table's rows as the lists of their cells, by method and path."""
    if not TABLE.exists():
        return {}
    lines = TABLE.read_text().splitlines()[1:]
    return {(cells[1], cells[2]): cells for cells in (text.split("\t") for text in lines)}


def newer_in(table):
    rows = [dict(zip(COLUMNS, cells)) for cells in table.values()]
    return [
        {"sdk_name": row["name"].removesuffix("_newer"), "method": row["method"], "path": row["path"]}
        for row in rows
        if "newer" in row["flags"].split(",")
    ]


def report(before, rows):
    after = {(row["method"], row["path"]): line(row).rstrip("\n").split("\t") for row in rows}
    for title, keys in (
        ("new", [key for key in after if key not in before]),
        ("gone", [key for key in before if key not in after]),
        ("changed", [key for key in after if key in before and before[key] != after[key]]),
    ):
        print(f"{title}: {len(keys)}")
        for method, path in keys[:400]:
            print(f"  {method} {path}")
    marked = sum("newer" in row["flags"] for row in rows)
    print(f"in all: {len(rows)} operations, {marked} of them newer than the description")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("description", type=Path)
    parser.add_argument("--newer", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    present = read_table()
    description = json.loads(arguments.description.read_text())
    rows = [described(operation) for operation in description]
    known = {(row["method"], row["path"]) for row in rows}
    names = {name for row in rows for name in [row["name"], *row["aliases"]]}
    more = json.loads(arguments.newer.read_text()) if arguments.newer else newer_in(present)
    rows += [newer(operation, names) for operation in more if (operation["method"], operation["path"]) not in known]
    rows = in_reading_order(rows)

    for row in rows:
        if not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", row["name"]):
            sys.exit(f"{row['name']}: not a dotted name")
    report(present, rows)
    table = "\t".join(COLUMNS) + "\n" + "".join(line(row) for row in rows)
    listed = "".join(sorted(f"{operation['method']} {operation['path']}\n" for operation in more))
    said = "".join(json.dumps(extract(operation)) + "\n" for operation in description)
    files = {TABLE: table, NEWER: listed, EXTRACT: said}
    if arguments.check:
        sys.exit(any(path.read_text() != text for path, text in files.items()))
    for path, text in files.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
