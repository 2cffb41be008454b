# make           what the targets are
# make check     everything that must hold before a change is shown to anyone
# make python    the Python package's wheel, in target/wheels, tested in a fresh environment (8 minutes)
# make bench     time of every kernel and pass beside its floor, on this machine (3 minutes)
# make bench-peers  the operations beside JAX and PyTorch, into docs/performance.md (20 minutes; PEERS, ROWS: a part)
# make bench-scale  time and memory from 1,000 to 60,000 examples and 10^4 to 10^7 parameters (6 minutes)
# make other-processors  tests of the kernels without AVX-512, without AVX, and on aarch64, under qemu
# make miri     the kernels under Miri: no undefined behaviour, no data race (20 minutes; nightly Rust with miri)
# make fuzz-short  every reader of outside bytes on its corpus and on 20,000 seeded changes (one minute)
# make fuzz      one reader under libFuzzer: make fuzz READER=npz RUNS=10000000 (nightly Rust, cargo-fuzz)
# make fixtures  the derivatives that the tests compare with, made again by JAX (7 minutes)
# make gallery   every figure and the pages of small stored runs, in target/gallery
# make study     docs/study from a store of finished runs: make study STORE=runs

.DEFAULT_GOAL := help
.PHONY: help check format lint documentation test examples python bench bench-peers bench-scale other-processors \
	miri fuzz-short fuzz fixtures gallery study

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

check: format lint documentation test examples

format:
	cargo fmt --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

documentation:
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

# The command that README.md gives to newcomers, and no other.
test:
	cargo test --workspace

# A library user's programs.
examples:
	cargo run --quiet --example own_hessians
	cargo run --quiet --example own_network

# Needs Python 3.11 or newer with venv.
python:
	python/test_wheel.sh

bench:
	cargo bench -p minimascope-net --bench kernels --bench passes -- --sample-count 20
	cargo bench -p minimascope-linop --bench basis -- --sample-count 20

bench-scale:
	cargo run --release -p minimascope-curvature --example scale

# Needs qemu-user, and for aarch64 its C compiler and Rust target. The programs choose their vectors
# at run time, so the same tests run three ways here: this machine's, and these.
KERNEL_TESTS := --lib --test closed_forms --test other_framework --test taylor --test architectures
other-processors:
	for processor in Nehalem Haswell; do \
	  CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="qemu-x86_64 -cpu $$processor" \
	  cargo test -p minimascope-net --target x86_64-unknown-linux-gnu $(KERNEL_TESTS) || exit 1; \
	done
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
	cargo test -p minimascope-net --target aarch64-unknown-linux-gnu $(KERNEL_TESTS)

# Needs `rustup component add miri rust-src --toolchain nightly`. Miri has no vectors, so that this is
# the baseline level; the wider ones run the same source. Their own instructions are other-processors'.
# One leak is meant: what a part of a team panics with is forgotten (kernels/team.rs says why).
miri:
	MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-ignore-leaks" cargo +nightly miri test -p minimascope-net --lib kernels

# Needs Python 3.11 or newer, a C++ compiler for torch.compile, and 7 GB of disk: PyTorch's wheel brings
# its CUDA libraries. Best on an idle machine. bench/peers/README.md has the rules.
PEERS :=
ROWS :=
bench-peers: target/bench-peers/bin/python
	cargo build --release -p minimascope-curvature --example peers
	$< bench/peers/compare.py --ours target/release/examples/peers --folder target/bench-peers \
		--peers "$(PEERS)" --rows "$(ROWS)"

target/bench-peers/bin/python: bench/peers/requirements.txt
	python3 -m venv target/bench-peers
	target/bench-peers/bin/python -m pip install --quiet -r $<
	touch $@

fuzz-short:
	FUZZ_CHANGES=20000 cargo test -p minimascope-fuzz --test corpus

# Needs `cargo install cargo-fuzz` and a C++ compiler. docs/reliability.md says what a target asserts and
# has the counts. What libFuzzer finds stays in target/fuzz/READER.
READER ?= npz
RUNS ?= 10000000
FUZZ := crates/fuzz/libfuzzer
fuzz:
	cp Cargo.lock $(FUZZ)/
	mkdir -p target/fuzz/$(READER)
	READER=$(READER) cargo +nightly fuzz run --fuzz-dir $(FUZZ) --sanitizer none reader \
		target/fuzz/$(READER) crates/fuzz/corpus/$(READER) -- \
		-runs=$(RUNS) -timeout=10 -max_len=$$(sed -n '/name: "$(READER)"/{n;s/.*longest: \([0-9]*\),.*/\1/p}' crates/fuzz/src/*.rs)

# Needs Python 3.11 or newer. The versions are pinned; the files are the same byte for byte on one
# machine, and may differ in the last digits on another.
FIXTURES := crates/net/tests/fixtures
fixtures: target/fixtures/bin/python
	$< $(FIXTURES)/make_fixtures.py

target/fixtures/bin/python: $(FIXTURES)/requirements.txt
	python3 -m venv target/fixtures
	target/fixtures/bin/python -m pip install --quiet -r $<
	touch $@

gallery:
	cargo run -p minimascope-report --example gallery -- target/gallery
	cargo run -p minimascope-study --example study_gallery -- target/gallery

# The page, its figures as PNG and the tables of a store, as docs/study has them. Needs Chromium.
STORE ?= runs
STUDY := docs/study
CHROMIUM ?= chromium
study:
	cargo build --release -p minimascope
	rm -rf target/study
	target/release/minimascope report $(STORE) --out $(STUDY)/report.html --figures target/study
	target/release/minimascope sweep collect --out $(STORE) --to $(STUDY)/tables --points 500
	mkdir -p $(STUDY)/figures && rm -f $(STUDY)/figures/*.png
	for figure in target/study/*.svg; do \
		size=$$(sed -n '1s/.* width="\([0-9]*\)" height="\([0-9]*\)".*/\1,\2/p' "$$figure"); \
		$(CHROMIUM) --headless --no-sandbox --disable-gpu --hide-scrollbars \
			--disable-background-networking --force-device-scale-factor=2 --window-size="$$size" \
			--screenshot="$(STUDY)/figures/$$(basename "$$figure" .svg).png" \
			"file://$$PWD/$$figure" 2>/dev/null || exit 1; \
	done
