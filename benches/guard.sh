#!/usr/bin/env bash
# Fails when a call costs more than benches/figures.txt says, by more than 5 %. What is compared repeats exactly, or nearly so.
#
#     benches/guard.sh             compares, and says which call grew
#     benches/guard.sh --refresh   writes the figures of now into benches/figures.txt
set -euo pipefail
source "$(dirname "$0")/measure.sh"

figure() { echo "$1 $2"; }

figures() {
    figure 'instructions.chat.http' "$(each instructions kuai chat 100 1000 http)"
    figure 'instructions.chat.https' "$(each instructions kuai chat 100 1000 https)"
    figure 'instructions.event.http' "$(each instructions kuai stream 100 1100 http)"
    figure 'instructions.embeddings.http' "$(each instructions kuai embeddings 1 3 http)"
    figure 'instructions.cold.http' "$(instructions kuai chat 1 http)"
    figure 'instructions.cold.https' "$(instructions kuai chat 1 https)"
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
    figures | tee "$here/figures.txt"
    exit
fi
figures >"$out/figures"
awk '
    NR == FNR { committed[$1] = $2; next }
    {
        seen[$1] = 1
        verdict = "ok"
        if (!($1 in committed)) { verdict = "NOT IN figures.txt"; bad = 1 }
        else if ($2 > committed[$1] * 1.05) { verdict = "GREW"; bad = 1 }
        else if ($2 < committed[$1] * 0.95) verdict = "shrank: benches/guard.sh --refresh keeps it so"
        printf "%-32s %12d  committed %12d  %s\n", $1, $2, committed[$1], verdict
    }
    END {
        for (name in committed) if (!(name in seen)) { print name " is not measured any more"; bad = 1 }
        exit bad
    }
' "$here/figures.txt" "$out/figures"
