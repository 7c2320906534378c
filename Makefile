# What can be done with this project; `make` alone lists it. The two to begin with: `make run` and `make test`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# What a build needs, and what the tests need beside it: a C compiler, callers, phones, a browser with Chinese fonts.
BUILD_PACKAGES := gcc libc6-dev
TEST_PACKAGES := $(BUILD_PACKAGES) sip-tester baresip-core chromium fonts-noto-cjk

# libFuzzer is C++.
FUZZ_PACKAGES := $(BUILD_PACKAGES) g++

# Seconds per fuzz target.
FUZZ_TIME ?= 600
# Fuzz targets; none: all.
FUZZ ?=
# Kills of the crash test in a row.
KILLS ?= 200
# Runs of the long simulation.
SIM_SEEDS ?= 2000
# More options for the program: make demo ARGS='--for 60s'.
ARGS ?=

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf 'make %-14s %s\n' "$$name" "$$text"; done

.PHONY: toolchain
toolchain:
	@.ci/packages $(BUILD_PACKAGES)
	@.ci/rust

.PHONY: run
run: toolchain ## build everything and run the hotline of config/hotline.toml
	@if .ci/node >/dev/null; then $(MAKE) console; else false; fi || echo "Going on without the console."
	cargo run --release --locked -- $(ARGS)

.PHONY: demo
demo: toolchain ## run the real daemon with built-in callers and agents
	@if .ci/node >/dev/null; then $(MAKE) console; else false; fi || echo "Going on without the console."
	cargo run --release --locked -- demo $(ARGS)

.PHONY: console
console: supervisor/web/dist/index.html ## build the front end, which the next build of the program embeds

WEB_SOURCES := $(shell find supervisor/web -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

supervisor/web/node_modules/.package-lock.json: supervisor/web/package.json supervisor/web/package-lock.json
	@PATH="$$(.ci/node):$$PATH"; cd supervisor/web; npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

supervisor/web/dist/index.html: supervisor/web/node_modules/.package-lock.json $(WEB_SOURCES)
	@PATH="$$(.ci/node):$$PATH"; cd supervisor/web; npm run --silent build
	@touch $@

.PHONY: test
test: ## run every test, installing what the tests need
	@.ci/packages $(TEST_PACKAGES)
	@.ci/rust
	$(MAKE) console
	PATH="$$(.ci/node):$$PATH"; cd supervisor/web; npm run --silent lint; npm run --silent test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	HOTLINE_REQUIRE_CONSOLE=1 cargo test --workspace --locked
	HOTLINE_REQUIRE_CONSOLE=1 cargo build --locked --bin hotline
	@.ci/smoke "$${CARGO_TARGET_DIR:-target}/debug/hotline"

.PHONY: bench
bench: toolchain ## run every benchmark; figures also go to target/bench.jsonl
	cargo bench --workspace --locked --bench '*'
	cargo run --release --locked -p hotline-acd --example decision

.PHONY: crash
crash: toolchain ## kill the program KILLS times in the middle of calls
	@.ci/packages $(TEST_PACKAGES)
	HOTLINE_E2E_KILLS=$(KILLS) cargo test --locked -p hotline-tests e2e::crash

.PHONY: sim-long
sim-long: toolchain ## simulate SIM_SEEDS more call centres, each from a seed of its own
	HOTLINE_SIM_SEEDS=$(SIM_SEEDS) cargo test --locked -p hotline-tests sim::many_seeds

.PHONY: fuzz
fuzz: toolchain ## fuzz every target for FUZZ_TIME seconds; make fuzz FUZZ='sdp rtp' fuzzes these
	@.ci/packages $(FUZZ_PACKAGES)
	.ci/fuzz $(FUZZ_TIME) $(FUZZ)
