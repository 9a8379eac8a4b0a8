# libkuai for everybody who has Rust, a C compiler and GNU make. `make help` tells what there is.

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CARGO      ?= cargo
CFLAGS     ?= -O2
CXXFLAGS   ?= -O2

VERSION   := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
RUST      := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
MAJOR     := $(word 1,$(subst ., ,$(VERSION)))
MINOR     := $(word 2,$(subst ., ,$(VERSION)))
SOVERSION := 0
HEADERS   := kuai.h kuai.hpp kuai_ffi.h kuai_preload.h

TARGET := $(or $(CARGO_TARGET_DIR),target)
OUT    := $(TARGET)/release
BIN    := examples-c/bin

C_EXAMPLES   := $(patsubst examples-c/%.c,$(BIN)/%,$(wildcard examples-c/*.c))
CXX_EXAMPLES := $(patsubst examples-c/%.cpp,$(BIN)/%_cpp,$(wildcard examples-c/*.cpp))
LINK          = -L$(OUT) -lkuai -Wl,-rpath,$(abspath $(OUT)) -pthread -lm

.PHONY: all demo test bench examples headers install uninstall clean help tools
.DELETE_ON_ERROR:

# Without the rlib, which only tests link: cargo leaves link-time optimization out where that is made too.
all: tools ## builds the library: libkuai.so and libkuai.a in target/release
	$(CARGO) rustc --release --locked --lib --features silent --crate-type cdylib,staticlib
	@ln -sf libkuai.so $(OUT)/libkuai.so.$(SOVERSION)

demo: all ## asks one question from C: the stand-in service, or with KUAI_API_KEY the real one
	@CARGO='$(CARGO)' COMPILER='$(CC)' TARGET='$(TARGET)' sh examples-c/demo.sh

test: tools ## runs all tests; those for tools that are not installed say so and are skipped
	$(CARGO) test --locked

bench: tools ## measures what a call costs, beside other libraries; docs/performance.md tells how to read it
	@CARGO='$(CARGO)' CC='$(CC)' CARGO_TARGET_DIR='$(TARGET)' bash benches/run.sh

examples: $(C_EXAMPLES) $(CXX_EXAMPLES) ## compiles the programs of examples-c into examples-c/bin

headers: tools ## writes include/kuai.h and its sisters anew from src/capi
	KUAI_REFRESH_HEADERS=1 $(CARGO) test --locked --test headers the_committed_headers_are_what_the_sources_say

# Without a build of its own where there is one already: root, who installs, need not have cargo.
install: $(OUT)/libkuai.so $(OUT)/libkuai.a ## installs library, headers, pkg-config and CMake files; PREFIX, LIBDIR, INCLUDEDIR, DESTDIR
	install -d '$(DESTDIR)$(LIBDIR)/pkgconfig' '$(DESTDIR)$(LIBDIR)/cmake/kuai' '$(DESTDIR)$(INCLUDEDIR)'
	install -m 644 $(HEADERS:%=include/%) '$(DESTDIR)$(INCLUDEDIR)'
	install -m 644 $(OUT)/libkuai.a '$(DESTDIR)$(LIBDIR)/libkuai.a'
	install -m 755 $(OUT)/libkuai.so '$(DESTDIR)$(LIBDIR)/libkuai.so.$(VERSION)'
	ln -sf libkuai.so.$(VERSION) '$(DESTDIR)$(LIBDIR)/libkuai.so.$(SOVERSION)'
	ln -sf libkuai.so.$(SOVERSION) '$(DESTDIR)$(LIBDIR)/libkuai.so'
	$(call fill,packaging/kuai.pc.in,$(LIBDIR)/pkgconfig/kuai.pc)
	$(call fill,packaging/kuai-config.cmake.in,$(LIBDIR)/cmake/kuai/kuai-config.cmake)
	$(call fill,packaging/kuai-config-version.cmake.in,$(LIBDIR)/cmake/kuai/kuai-config-version.cmake)
	@test -n '$(DESTDIR)' || ldconfig 2>/dev/null || echo 'Now let root run: ldconfig'

uninstall: ## takes away what install brought
	rm -f $(HEADERS:%='$(DESTDIR)$(INCLUDEDIR)/%') '$(DESTDIR)$(LIBDIR)/pkgconfig/kuai.pc'
	rm -f '$(DESTDIR)$(LIBDIR)'/libkuai.a '$(DESTDIR)$(LIBDIR)'/libkuai.so '$(DESTDIR)$(LIBDIR)'/libkuai.so.$(SOVERSION) \
	  '$(DESTDIR)$(LIBDIR)'/libkuai.so.$(VERSION)
	rm -rf '$(DESTDIR)$(LIBDIR)/cmake/kuai'

clean: ## removes what was built
	rm -rf $(BIN)
	$(CARGO) clean

help: ## this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

# The templates of packaging/, with where things lie filled in.
fill = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' \
  -e 's|@INCLUDEDIR_FROM_HERE@|$(shell realpath -ms --relative-to='$(LIBDIR)/cmake/kuai' '$(INCLUDEDIR)')|g' \
  -e 's|@VERSION@|$(VERSION)|g' -e 's|@MAJOR@|$(MAJOR)|g' -e 's|@MINOR@|$(MINOR)|g' -e 's|@SOVERSION@|$(SOVERSION)|g' \
  $(1) > '$(DESTDIR)$(2)' && chmod 644 '$(DESTDIR)$(2)'

$(OUT)/libkuai.so $(OUT)/libkuai.a:
	$(MAKE) all

$(BIN)/%: examples-c/%.c include/kuai.h | all $(BIN)
	$(CC) -std=c99 -pedantic -Wall -Wextra $(CFLAGS) -Iinclude $< -o $@ $(LDFLAGS) $(LINK)

$(BIN)/%_cpp: examples-c/%.cpp include/kuai.h include/kuai.hpp | all $(BIN)
	$(CXX) -std=c++17 -pedantic -Wall -Wextra $(CXXFLAGS) -Iinclude $< -o $@ $(LDFLAGS) $(LINK)

$(BIN):
	@mkdir -p $@

# Rust from rustup: that of Debian 12 and 13 is older than what is needed.
define RUST_LINE
apt-get install -y curl ca-certificates build-essential && curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal && . "$$HOME/.cargo/env"
endef
export RUST_LINE

tools:
	@command -v $(firstword $(CC)) >/dev/null || { printf '%s\n' 'A C compiler is missing. On Debian:' \
	  '    apt-get install -y build-essential' >&2; exit 1; }
	@command -v $(firstword $(CARGO)) >/dev/null || { printf '%s\n' 'Rust (cargo) is missing; $(RUST) or newer is needed. On Debian:' \
	  "    $$RUST_LINE" >&2; exit 1; }
	@have=$$($(CARGO) --version | cut -d ' ' -f 2); \
	  printf '%s\n' '$(RUST)' "$$have" | sort -V -C || { printf '%s\n' "cargo $$have is too old; $(RUST) or newer is needed. On Debian:" \
	  "    $$RUST_LINE" >&2; exit 1; }
