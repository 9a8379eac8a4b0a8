#!/bin/sh
# What `make demo` does when the library is built: compiles hello.c against include/kuai.h, runs it, and ends what it started.
# Without KUAI_API_KEY it asks the stand-in service on loopback.
set -eu
cd "$(dirname "$0")/.."
: "${CARGO:=cargo}" "${COMPILER:=cc}" "${TARGET:=target}"
demo=$TARGET/demo
stand_in=
[ -n "${KUAI_API_KEY:-}" ] || stand_in=$TARGET/debug/examples/stand_in

[ -z "$stand_in" ] || $CARGO build --locked --example stand_in
mkdir -p "$demo"
ln -sf "$(realpath "$TARGET/release/libkuai.so")" "$demo/libkuai.so.0"
$COMPILER -std=c99 -pedantic -Wall -Wextra -Iinclude examples-c/hello.c -o "$demo/hello" -L"$TARGET/release" -lkuai \
    -Wl,-rpath,"$(realpath "$demo")"

if [ -n "$stand_in" ]; then
    rm -f "$demo/leash" "$demo/says"
    mkfifo "$demo/leash" "$demo/says"
    "$stand_in" --key sk-demo --parent-stdin <"$demo/leash" >"$demo/says" &
    # The stand-in lives as long as this end of its standard input is open: it cannot outlive this script.
    exec 3>"$demo/leash"
    trap 'exec 3>&-; wait; rm -f "$demo/leash" "$demo/says"' EXIT
    trap 'exit 130' INT TERM HUP
    exec 4<"$demo/says"
    read -r _ _ address <&4 || {
        echo "The stand-in service did not start." >&2
        exit 1
    }
    export KUAI_API_KEY=sk-demo KUAI_BASE_URL="$address" no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
    echo "The stand-in service answers on $address."
fi

printf '1+100= ? '
"$demo/hello" 3>&- 4<&-
