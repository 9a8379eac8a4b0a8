#!/usr/bin/env bash
# Fails when a call costs more than benches/figures.txt says, by more than 5 %. What is compared repeats exactly, or nearly so.
#
#     benches/guard.sh             compares, and says which call grew
#     benches/guard.sh --refresh   writes the figures of now into benches/figures.txt
#
# Another compiler, C library or kind of processor makes other figures: which they were stands in the first line of figures.txt, and when
# it is another now, 25 % are allowed.
set -euo pipefail
source "$(dirname "$0")/measure.sh"

# The C library shall not choose its copying loops by the processor.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM

figure() {
    [ -n "$2" ] || { echo "guard: $1 could not be measured" >&2; exit 1; }
    echo "$1 $2"
}

# The cryptography takes the processor's wide registers where it has some.
toolchain() {
    local wide
    wide=$(grep -o -m 1 -w -e avx2 /proc/cpuinfo | head -n 1) || wide=plain
    echo "# $(rustc --version | cut -d ' ' -f 1,2), $(getconf GNU_LIBC_VERSION), $(valgrind --version), $(uname -m) $wide"
}

figures() {
    figure 'instructions.chat.http' "$(each instructions kuai chat 100 1000 http)"
    figure 'instructions.chat.https' "$(each instructions kuai chat 100 1000 https)"
    figure 'instructions.event.http' "$(each instructions kuai stream 100 1100 http)"
    figure 'instructions.embeddings.http' "$(each instructions kuai embeddings 1 3 http)"
    figure 'instructions.cold.http' "$(instructions kuai chat 1 http)"
    figure 'system_calls.chat.http' "$(each system_calls kuai chat 100 1000 http)"
    figure 'system_calls.chat.https' "$(each system_calls kuai chat 100 1000 https)"
    figure 'allocations.chat.http' "$(each allocations kuai chat 100 1000 http)"
    figure 'allocations.chat.https' "$(each allocations kuai chat 100 1000 https)"
    figure 'allocations.event.http' "$(each allocations kuai stream 1100 5100 http)"
    figure 'memory.embeddings.http' "$(allocations kuai embeddings 1 http | cut -d ' ' -f 2)"
    figure 'size.library' "$(stat -L -c %s "$release/libkuai.so")"
}

build_ours
serve
if [ "${1:-}" = --refresh ]; then
    { toolchain; figures; } | tee "$here/figures.txt"
    exit
fi
allowed=1.05
if [ "$(head -n 1 "$here/figures.txt")" != "$(toolchain)" ]; then
    echo "the committed figures were made with: $(head -n 1 "$here/figures.txt")"
    allowed=1.25
fi
figures >"$out/figures"
awk -v allowed="$allowed" '
    /^#/ { next }
    NR == FNR { committed[$1] = $2; next }
    {
        seen[$1] = 1
        count++
        verdict = "ok"
        if (!($1 in committed)) { verdict = "NOT IN figures.txt"; bad = 1 }
        else if ($2 > committed[$1] * allowed) { verdict = "GREW"; grew++; bad = 1 }
        else if ($2 < committed[$1] * 0.95) verdict = "shrank: benches/guard.sh --refresh keeps it so"
        printf "%-32s %12d  committed %12d  %s\n", $1, $2, committed[$1], verdict
    }
    END {
        for (name in committed) if (!(name in seen)) { print name " is not measured any more"; bad = 1 }
        printf "guard: %d figures compared, %d grew\n", count, grew
        exit bad
    }
' "$here/figures.txt" "$out/figures"
