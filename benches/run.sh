#!/usr/bin/env bash
# Measures libkuai beside others and prints one table. `make bench` calls it; docs/performance.md tells how to read it.
#
# Beside it: libcurl's easy interface with cJSON (Debian: libcurl4-openssl-dev, libcjson-dev), ureq with serde_json as they come, a bare
# socket; async-openai; and openai-python (PYTHON, a Python that has it) and openai-node (OPENAI_NODE, a directory with node_modules/openai) where
# there are any. What is not there is named and left out.
set -euo pipefail
source "$(dirname "$0")/measure.sh"

has() { [ "${programs#* $1 }" != "$programs" ]; }

build_others() {
    "$CC" -O2 -Wall -Wextra "$here/socket.c" -o "$out/socket"
    if "$CC" -O2 -Wall -Wextra "$here/curl.c" -o "$out/curl" -lcurl -lcjson 2>"$out/curl.log"; then
        programs+="curl "
    else
        echo "left out: libcurl and cJSON (apt-get install libcurl4-openssl-dev libcjson-dev)" >&2
    fi
    if CARGO_TARGET_DIR=$out/plain_ureq "$CARGO" build --quiet --release --locked --manifest-path "$here/plain_ureq/Cargo.toml"; then
        cp "$out/plain_ureq/release/plain_ureq" "$out/ureq"
        programs+="ureq "
    else
        echo "left out: ureq and serde_json" >&2
    fi
    programs+="socket "
    if CARGO_TARGET_DIR=$out/async_openai "$CARGO" build --quiet --release --locked --manifest-path "$here/async_openai/Cargo.toml"; then
        cp "$out/async_openai/release/async_openai_bench" "$out/async"
        programs+="async "
    else
        echo "left out: async-openai" >&2
    fi
    if "${PYTHON:-python3}" "$here/openai_python.py" chat 0 http://127.0.0.1:1 2>/dev/null; then
        programs+="python "
    else
        echo "left out: openai-python (PYTHON=a Python that has it)" >&2
    fi
    if command -v node >/dev/null && node "$here/openai_node.mjs" chat 0 http://127.0.0.1:1 2>/dev/null; then
        programs+="node "
    else
        echo "left out: openai-node (OPENAI_NODE=a directory with node_modules/openai)" >&2
    fi
}

program() {
    case $1 in
    python) echo "${PYTHON:-python3} $here/openai_python.py" ;;
    node) echo "node $here/openai_node.mjs" ;;
    *) echo "$out/$1" ;;
    esac
}

# One row: what is measured, then a column for each program; "-" where it does not do that.
row() {
    local title=$1 able=$2
    shift 2
    printf '%-42s' "$title"
    for name in $programs; do
        local value=-
        if [ "${able#*"$name"}" != "$able" ]; then value=$("${@//@/$name}") || value=failed; fi
        printf '%14s' "$value"
        [ "$value" != failed ] || failures=$((failures + 1))
    done
    printf '\n'
}

# seconds FORMAT PROGRAM WHAT COUNT SCHEME: as bash's `time` tells them.
seconds() {
    local TIMEFORMAT=$1
    # shellcheck disable=SC2046
    { time $(program "$2") "$3" "$4" $(url "$5") >/dev/null 2>"$out/errors"; } 2>&1
}

processor() { seconds '%U %S' "$@" | awk '{ print $1 + $2 }'; }
elapsed() { seconds '%R' "$@"; }

# The processor's microseconds a call, as the smallest of five: other programs only ever add to it.
microseconds() {
    for _ in 1 2 3 4 5; do
        awk -v few="$(processor "$1" "$2" 100 "$3")" -v many="$(processor "$1" "$2" 2100 "$3")" 'BEGIN { printf "%.0f\n", (many - few) * 500 }'
    done | sort -n | head -n 1
}

allocations_only() { allocations "$@" | cut -d ' ' -f 1; }
most_held() { allocations "$@" | cut -d ' ' -f 2; }
resident() { local place; read -ra place <<<"$(url "$3")"; $(program "$1") "$2" 1 "${place[@]}"; }
resident_peak() {
    # shellcheck disable=SC2046
    python3 -c 'import resource,subprocess,sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' $(program "$1") "$2" "$3" $(url "$4")
}

# Wall time against our own, as the median of the ratios of interleaved runs: how often ours goes into theirs.
ratio() {
    if [ "$1" = kuai ]; then echo 1; return; fi
    for _ in 1 2 3 4 5; do
        awk -v theirs="$(elapsed "$1" "$2" "$3" "$4")" -v ours="$(elapsed kuai "$2" "$3" "$4")" 'BEGIN { printf "%.2f\n", theirs / ours }'
    done | sort -n | sed -n 3p
}

size() {
    case $1 in
    kuai) stat -L -c %s "$release/libkuai.so" ;;
    ureq | async) stat -L -c %s "$out/$1" ;;
    curl) ldd "$out/curl" | awk '$3 ~ "^/" && $1 !~ /^lib(c|pthread)\.so/ { print $3 }' | xargs stat -L -c %s | awk '{ sum += $1 } END { print sum }' ;;
    esac
}

programs=' kuai '
failures=0
build_ours
build_others
serve
head -c 268435456 /dev/zero >"$BENCH_UPLOAD"

native='kuai curl ureq socket async'
printf '%-42s' ''
for name in $programs; do printf '%14s' "$name"; done
printf '\n'
row 'instructions, a call over http' "$native" each instructions @ chat 100 1000 http
row 'instructions, a call over https' 'kuai curl ureq' each instructions @ chat 100 1000 https
row 'instructions, a streamed event' "$native" each instructions @ stream 100 1100 http
row 'instructions, 6 MB of embeddings' 'kuai curl ureq' each instructions @ embeddings 1 3 http
row 'instructions, start to first answer, http' "$native" instructions @ chat 1 http
row 'instructions, start to first answer, https' 'kuai curl ureq' instructions @ chat 1 https
row 'system calls, a call over http' "$native python node" each system_calls @ chat 100 1000 http
row 'system calls, a call over https' 'kuai curl ureq' each system_calls @ chat 100 1000 https
row 'system calls, a streamed event' "$native" each system_calls @ stream 1100 5100 http
row 'allocations, a call over http' "$native" each allocations @ chat 100 1000 http
row 'allocations, a call over https' 'kuai curl ureq' each allocations @ chat 100 1000 https
row 'allocations, a streamed event' "$native" each allocations @ stream 1100 5100 http
row 'heap, most held for 6 MB of embeddings' 'kuai curl ureq' most_held @ embeddings 1 http
row 'resident, an idle client, http' 'kuai curl' resident @ idle http
row 'resident, an idle client, https' 'kuai curl' resident @ idle https
row 'resident at most, KiB, 100 calls' "$native python node" resident_peak @ chat 100 http
row 'processor, us a call over http' "$native python node" microseconds @ chat http
row 'time, 256 MB up from a file, http, ratio' 'kuai curl' ratio @ upload 1 http
row 'time, 256 MB up from a file, https, ratio' 'kuai curl' ratio @ upload 1 https
row 'time, 256 MB down to a file, http, ratio' 'kuai curl' ratio @ download 1 http
row 'time, 256 MB down to a file, https, ratio' 'kuai curl' ratio @ download 1 https
row 'size, stripped, with TLS' 'kuai curl ureq async' size @
# Eight threads on one client against eight on a client each: calls in the same time.
for _ in 1 2 3 4 5; do
    awk -v one="$(elapsed kuai threads 500 http)" -v own="$(elapsed kuai threads-own 500 http)" 'BEGIN { printf "%.2f\n", own / one }'
done | sort -n | sed -n '3s/^/eight threads on one client, of eight clients: /p'
[ "$failures" = 0 ] || { echo "$failures measurements failed" >&2; exit 1; }
