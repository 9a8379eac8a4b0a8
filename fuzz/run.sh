#!/usr/bin/env bash
# Every fuzzer for so many seconds, from its committed corpus:
#
#     fuzz/run.sh SECONDS [target]...        (all targets when none is named)
#
# Needs a C++ compiler and nothing else: the coverage that libFuzzer steers by comes from LLVM passes that stable Rust has. The targets
# are laid out for `cargo fuzz` too. What a fuzzer finds on its way stays in the build directory, a failure's input in fuzz/artifacts;
# `fuzz/run.sh 0 TARGET FILE` runs a target on that one input. With KUAI_FUZZ_SEED a run begins anew from the committed corpus and makes
# the same choices each time, as far as it comes (but for `http`, which has threads and sockets; and a build in another directory may
# number its branches in another order). Without, it makes its own choices and goes on with what earlier runs found. KUAI_FUZZ_RUNS: at
# most so many executions of each.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:?"usage: $0 SECONDS [target]..."}
# A bundle of certificates that every client would read.
unset SSL_CERT_FILE
shift
all=(sse envelope accumulate config params multipart json http names)
directory=${CARGO_TARGET_DIR:-../target}/fuzz
mkdir -p "$directory" artifacts
directory=$(cd "$directory" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')

flags="--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    flags+=" -Cllvm-args=-sanitizer-coverage-$option"
done
# A target of its own, so that build scripts and macros are built without these flags.
RUSTFLAGS=$flags CARGO_TARGET_DIR=$directory cargo build --quiet --release --locked --target "$host"
programs=$directory/$host/release

if [ "$seconds" = 0 ]; then
    exec "$programs/$1" "$2"
fi
if [ $# -eq 0 ]; then
    set -- "${all[@]}"
fi
# One target; its line goes into a file, so that those that run side by side do not mix.
fuzz() {
    local target=$1 found=$directory/corpus/$1 log=$directory/$1.log seed=${KUAI_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM + 1))}
    local seeds compares=1 executions
    if [ -n "${KUAI_FUZZ_SEED:-}" ]; then
        rm -rf "$found"
        # What programs compare are addresses, too, and no two builds have the same.
        compares=0
    fi
    mkdir -p "$found"
    # Named one by one, as directories have no order; and new files are looked for by the clock.
    seeds=$(LC_ALL=C; echo "corpus/$target"/* | tr ' ' ,)
    if ! "$programs/$target" -max_total_time="$seconds" -runs="${KUAI_FUZZ_RUNS:--1}" -seed="$seed" -reload=0 -use_cmp="$compares" \
        -max_len=4096 -timeout=20 -rss_limit_mb=2048 -dict=words.dict -artifact_prefix="artifacts/$target-" -print_final_stats=1 \
        -seed_inputs="$seeds" "$found" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz: $target failed (seed $seed); its input is in fuzz/artifacts" >&2
        return 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: $executions executions, $(find "$found" "corpus/$target" -type f | wc -l) inputs, seed $seed" | tee "$directory/$target.line"
}

# As many at once as there are processors.
running=0
for target in "$@"; do
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n || exit 1
        running=$((running - 1))
    fi
    fuzz "$target" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || exit 1
    running=$((running - 1))
done
total=$(cd "$directory" && cat "${@/%/.line}" | awk '{ total += $3 } END { print total }')
echo "fuzz: $# targets, $total executions, nothing found"
