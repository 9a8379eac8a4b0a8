#!/bin/sh
# Puts the official Python SDK into a folder of its own, and prints the Python that has it. Needs python3 (3.11 or newer) with venv.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kuai-tests/sdk
wanted='openai==3.54.0'

mkdir -p "$cache"
exec 9>"$cache/lock" # Two test runs may come here at once.
flock 9
if [ "$(cat "$cache/wanted" 2>/dev/null)" != "$wanted" ]; then
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$wanted" >&2
    printf '%s' "$wanted" >"$cache/wanted"
fi
echo "$cache/venv/bin/python"
