# What the other scripts of this directory measure with; they source it. Wants bash, a C compiler, OpenSSL, valgrind and strace.
#
# The programs all take `WHAT COUNT BASE_URL [CA_FILE]`. What a call costs is the difference between many calls and few, so that
# starting and ending do not count. Servers and clients run on this machine over the loopback.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
mkdir -p "$target/bench"
out=$(cd "$target/bench" && pwd)
release=$(cd "$target" && pwd)/release
# Variables that change what the library does.
unset SSL_CERT_FILE KUAI_BASE_URL OPENAI_BASE_URL OPENAI_ORG_ID OPENAI_PROJECT_ID OPENAI_CUSTOM_HEADERS OPENAI_MODEL
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY KUAI_API_KEY OPENAI_API_KEY
export BENCH_UPLOAD=$out/upload.bin BENCH_DOWNLOAD=$out/download.bin LC_ALL=C
CC=${CC:-cc}
CARGO=${CARGO:-cargo}

build_ours() {
    CARGO_TARGET_DIR=${release%/release} make --silent --directory "$here/.." all CARGO="$CARGO"
    "$CC" -O2 -Wall -Wextra "$here/kuai.c" -o "$out/kuai" -L"$release" -lkuai -Wl,-rpath,"$release" -pthread
    "$CC" -O2 -Wall -Wextra "$here/server.c" -o "$out/server" -lssl -lcrypto -pthread
    "$CC" -O2 -Wall -Wextra -shared -fPIC "$here/allocations.c" -o "$out/allocations.so"
}

serve() {
    rm -f "$out/port" "$out/port-tls"
    if [ ! -e "$out/key.pem" ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
            -keyout "$out/key.pem" -out "$out/cert.pem" 2>/dev/null
    fi
    "$out/server" >"$out/port" &
    servers=$!
    "$out/server" "$out/cert.pem" "$out/key.pem" >"$out/port-tls" &
    servers="$servers $!"
    # shellcheck disable=SC2064,SC2086
    trap "kill $servers 2>/dev/null; rm -f '$BENCH_UPLOAD' '$BENCH_DOWNLOAD'" EXIT
    while [ ! -s "$out/port" ] || [ ! -s "$out/port-tls" ]; do
        # shellcheck disable=SC2086
        kill -0 $servers || { echo "the servers did not start" >&2; return 1; }
        sleep 0.05
    done
    http="http://127.0.0.1:$(cat "$out/port")/v1"
    https="https://localhost:$(cat "$out/port-tls")/v1 $out/cert.pem"
}

# instructions PROGRAM WHAT COUNT SCHEME: of the whole run, as callgrind counts.
instructions() {
    # shellcheck disable=SC2046
    valgrind --tool=callgrind --callgrind-out-file=/dev/null $(program "$1") "$2" "$3" $(url "$4") 2>&1 | awk '/Collected/ { print $4 }'
}

# system_calls PROGRAM WHAT COUNT SCHEME
system_calls() {
    # shellcheck disable=SC2046
    strace -f -c -o "$out/strace" $(program "$1") "$2" "$3" $(url "$4") >/dev/null || return
    awk '$NF == "total" { print $4 }' "$out/strace"
}

# allocations PROGRAM WHAT COUNT SCHEME: how many, reallocations counted too, and the most bytes held at once.
allocations() {
    # shellcheck disable=SC2046
    ALLOCATIONS=$out/allocations LD_PRELOAD=$out/allocations.so $(program "$1") "$2" "$3" $(url "$4") >/dev/null || return
    awk '{ print $1 + $2, $4 }' "$out/allocations"
}

program() { echo "$out/$1"; }

url() { if [ "$1" = https ]; then echo "$https"; else echo "$http"; fi; }

# each MEASURE PROGRAM WHAT FEW MANY SCHEME: what one call (or one event) costs, rounded to the nearest.
each() {
    local few many
    few=$("$1" "$2" "$3" "$4" "$6") || return
    many=$("$1" "$2" "$3" "$5" "$6") || return
    awk -v few="${few%% *}" -v many="${many%% *}" -v count=$(($5 - $4)) 'BEGIN { printf "%.0f\n", (many - few) / count }'
}
