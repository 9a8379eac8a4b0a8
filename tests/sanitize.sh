#!/usr/bin/env bash
# The Rust tests under AddressSanitizer with LeakSanitizer, and under ThreadSanitizer, each in a build of its own:
#
#     tests/sanitize.sh [address|thread]...        (both when none is named)
#
# Sanitizers are an unstable option of rustc; RUSTC_BOOTSTRAP lets the stable compiler take it. Rust's standard library comes without
# ThreadSanitizer's eyes, and what happens in its machine code looks like a race where there is none. That is not suppressed: a few of its
# functions are wrapped so that ThreadSanitizer is told what they do (`wrapper` below has the list, with the reason for each). The harness
# that runs the tests comes so too. Suppressed are values of four types, three of them handed from thread to thread by these two alone.
#
# (helgrind and DRD are of no use here: they know locks by pthread calls, and Rust's make none.)
#
# Without the tools that it takes this says so and ends well, unless CI=true: then it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# What shares memory between threads, and whatever ends what another thread is doing. Left out is what sends 32 MB in a time that a
# program under ThreadSanitizer does not keep.
tests_under_thread=(--test connections --test streams --test time -- --skip an_upload_that_nobody_reads_is_bounded)
# What takes memory from C's hands and gives it back, and the parts that read what services send.
tests_under_address=(--lib --test capi_arguments --test connections --test retries --test streams --test quirks)

missing() {
    echo "sanitizers: skipped, because $1"
    if [ "${CI:-}" = true ]; then
        exit 1
    fi
    exit 0
}

target=$(rustc -vV | sed -n 's/^host: //p')
rust_libraries=$(rustc --print sysroot)/lib/rustlib/$target/lib
directory=${CARGO_TARGET_DIR:-target}/sanitize
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)

for tool in gcc:gcc nm:binutils setarch:util-linux; do
    command -v "${tool%:*}" >/dev/null || missing "${tool%:*} is not installed (Debian: apt-get install ${tool#*:})"
done

runtime() {
    local file="$rust_libraries/librustc-stable_rt.$1.a"
    [ -e "$file" ] || missing "$file is not there: it comes with rustup's Rust for this kind of machine"
}

# The symbol of a function in the standard library whose mangled name holds these parts, in this order.
symbol() {
    local pattern found
    pattern=$(printf '.*%s' "$@")
    found=$(nm -D "$rust_libraries"/libstd-*.so | awk '$2 == "T" {print $3}' | grep -x -- "$pattern.*" | head -n 1)
    if [ -z "$found" ]; then
        echo "sanitizers: no function of the standard library is called $*; it was there in Rust 1.95" >&2
        exit 1
    fi
    echo "$found"
}

# Makes wrapper.o, and prints the linker's options for it.
wrapper() {
    local lock wait wait_timeout read write once scope
    lock=$(symbol 5mutex5futex 14lock_contended)
    wait=$(symbol 7condvar5futex 7Condvar4wait)
    wait_timeout=$(symbol 7condvar5futex 12wait_timeout)
    read=$(symbol 6rwlock5futex 14read_contended)
    write=$(symbol 6rwlock5futex 15write_contended)
    once=$(symbol 4once5futex 4Once4call)
    scope=$(symbol 9ScopeData 29decrement_num_running_threads)
    cat >"$directory/wrapper.c" <<WRAPPER
#include <stdbool.h>
void __tsan_acquire(void *address);
void __tsan_release(void *address);

/* A lock that another thread holds is taken out of sight; one that is free is taken by code that is inlined, and seen. */
void __real_$lock(void *lock);
void __wrap_$lock(void *lock) { __real_$lock(lock); __tsan_acquire(lock); }
void __real_$read(void *lock);
void __wrap_$read(void *lock) { __real_$read(lock); __tsan_acquire(lock); }
void __real_$write(void *lock);
void __wrap_$write(void *lock) { __real_$write(lock); __tsan_acquire(lock); }

/* Waiting gives the mutex back and takes it again. */
void __real_$wait(void *condition, void *mutex);
void __wrap_$wait(void *condition, void *mutex)
{
    __tsan_release(mutex);
    __real_$wait(condition, mutex);
    __tsan_acquire(mutex);
}
bool __real_$wait_timeout(void *condition, void *mutex, unsigned long seconds, unsigned nanoseconds);
bool __wrap_$wait_timeout(void *condition, void *mutex, unsigned long seconds, unsigned nanoseconds)
{
    bool notified;
    __tsan_release(mutex);
    notified = __real_$wait_timeout(condition, mutex, seconds, nanoseconds);
    __tsan_acquire(mutex);
    return notified;
}

/* What was made once is seen by whoever comes later. */
void __real_$once(void *once, bool ignore_poisoning, void *closure, void *table, void *location);
void __wrap_$once(void *once, bool ignore_poisoning, void *closure, void *table, void *location)
{
    __real_$once(once, ignore_poisoning, closure, table, location);
    __tsan_acquire(once);
    __tsan_release(once);
}

/* The end of a scoped thread, which the scope waits for by looking at one of the words of this structure. */
void __real_$scope(char *scope, bool panicked);
void __wrap_$scope(char *scope, bool panicked)
{
    __tsan_release(scope);
    __tsan_release(scope + 8);
    __tsan_release(scope + 16);
    __real_$scope(scope, panicked);
}

/* The last owner of an Arc acquires by a fence, which ThreadSanitizer does not know: let each acquire as it counts down. */
long __real___tsan_atomic64_fetch_sub(volatile long *count, long less, int order);
long __wrap___tsan_atomic64_fetch_sub(volatile long *count, long less, int order)
{
    (void)order;
    return __real___tsan_atomic64_fetch_sub(count, less, __ATOMIC_ACQ_REL);
}
WRAPPER
    gcc -fPIC -O1 -c "$directory/wrapper.c" -o "$directory/wrapper.o"
    printf -- '-Clink-arg=%s' "$directory/wrapper.o"
    for function in "$lock" "$wait" "$wait_timeout" "$read" "$write" "$once" "$scope" __tsan_atomic64_fetch_sub; do
        printf -- ' -Clink-arg=-Wl,--wrap=%s' "$function"
    done
}

# Matched against every frame of a report, and all tests run below frames of the harness: so these name types and no functions.
suppressions() {
    cat >"$directory/suppressions.txt" <<'SUPPRESSIONS'
# The channel over which a test's thread tells how the test ended: its blocks are read and written in the harness's machine code.
race:MaybeUninit<test::event::CompletedTest>
race:Channel<test::event::CompletedTest>
# The closure that is the test, which the harness's main thread and the test's own share: whoever is last frees it.
race:Arc<std::sync::poison::mutex::Mutex<core::option::Option<test::run_test::{closure#0}>>>
# What a scope of threads counts with: its last owner frees it in the standard library's machine code, where the wrapped fetch_sub is not.
race:Arc<std::thread::scoped::ScopeData>
# ureq's default user agent: a thread may see that it is made before the wrapper of the one that made it has said so.
race:std::sync::lazy_lock::LazyLock
SUPPRESSIONS
}

# One sanitizer: its name, further flags, and the arguments of cargo test.
run() {
    local sanitizer=$1 flags=$2
    shift 2
    echo "== the tests under the $sanitizer sanitizer"
    # Without address space randomisation, which ThreadSanitizer's map of the memory does not always go with.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer $flags" \
        CARGO_TARGET_DIR="$directory" \
        ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1" LSAN_OPTIONS="print_suppressions=0" \
        TSAN_OPTIONS="second_deadlock_stack=1:suppressions=$directory/suppressions.txt" \
        setarch "$(uname -m)" -R env -u CARGO_ENCODED_RUSTFLAGS cargo test --locked --no-fail-fast --target "$target" "$@" \
        | tee "$directory/$sanitizer.log"
    awk -v sanitizer="$sanitizer" '/^test result: ok/ {tests += $4; programs++}
        END {print "sanitizers: " sanitizer ": " tests " tests in " programs " programs, nothing found"}' "$directory/$sanitizer.log"
}

if [ $# -eq 0 ]; then
    set -- address thread
fi
for sanitizer in "$@"; do
    case $sanitizer in
        address)
            runtime asan
            run address '' "${tests_under_address[@]}"
            ;;
        thread)
            runtime tsan
            # An assignment of its own, so that a failure inside ends the script.
            options=$(wrapper)
            suppressions
            run thread "$options" "${tests_under_thread[@]}"
            ;;
        *)
            echo "usage: $0 [address|thread]..." >&2
            exit 2
            ;;
    esac
done
