#!/bin/sh
# Puts the servers that the tests ask into a folder of their own: llama.cpp's server (PyPI: xllamacpp), a model made on the spot, and
# aimock (npm); and the official Python SDK (sdk_wire.sh). Prints the folder. Needs python3 with venv, and npm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kuai-tests
wanted='xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6 cffi==2.1.1'
mock='@copilotkit/aimock@1.43.0'

mkdir -p "$cache"
if [ "$(cat "$cache/wanted" 2>/dev/null)" != "$wanted $mock" ]; then
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv"
    # shellcheck disable=SC2086
    "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check $wanted >&2
    npm install --silent --no-audit --no-fund --prefix "$cache" "$mock" >&2
    "$cache/venv/bin/python" "$here/make_model.py" "$cache/tiny.gguf" >&2
    printf '%s' "$wanted $mock" >"$cache/wanted"
fi
sh "$here/sdk_wire.sh" >/dev/null
echo "$cache"
