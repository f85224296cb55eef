# make demo       converts a trained example, held to its lock, verifies and packages it
# make test       lint, format, types, tests
# make test-slow  the long tests
# make bench      recurrent models beside ONNX Runtime and OpenVINO, a profile of what misses its goal, and whether
#                 `fastest` was right: over an hour, all extras and perf; it goes on where it was interrupted
# make docs       the site of docs/, in build/site
# make pictures   docs/images anew, by Chromium: five minutes
# make lock       the lock files anew, by uv
# make clean      forgets the environment and all results
#
# Needs Python 3.11, 3.12 or 3.13 with pip and venv; PYTHON=python3.12 chooses one.
# LOCK=requirements-extras.lock installs the extras too: JAX, TFLite Micro, the viewers (1 GB), so that
# `make test` runs what it skips without them.

PYTHON ?= python3
LOCK ?= requirements.lock
BIN := .venv/bin

# The environment is made anew when the lock or the Python changes, not when a file is touched.
# The stamps come last, so what was interrupted starts over. The lock names every package, so pip looks
# for no others (--no-deps): asked for pydantic[email], it would not know the hash of pydantic.
IDENTITIES := $(shell $(PYTHON) .ci/identity.py $(LOCK) pyproject.toml)
ENVIRONMENT := .venv/complete-$(word 1,$(IDENTITIES))
PROJECT := .venv/project-$(word 2,$(IDENTITIES))

COMPILE := uv pip compile --universal --fork-strategy fewest --python-version 3.11 --quiet \
  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command "make lock" pyproject.toml

.PHONY: demo test test-slow lint bench docs pictures lock clean
.DELETE_ON_ERROR:

demo: $(PROJECT)
	$(BIN)/rnnlite package configs/digits-bilstm.yaml --locked

test: lint
	$(BIN)/python -m pytest -n 2

test-slow: $(PROJECT)
	$(BIN)/python -m pytest -n 2 -m slow

lint: $(PROJECT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The peers are extras: make bench LOCK=requirements-extras.lock
bench: $(PROJECT)
	mkdir -p build
	$(BIN)/python -m benchmarks.peers --json build/peers.json --resume --markdown build/peers.md
	$(BIN)/python -m benchmarks.peers.profile --missed build/peers.json --json build/profile.json --markdown build/profile.md
	$(BIN)/python -m benchmarks.fastest --stock --json build/fastest.json --resume

docs: $(PROJECT)
	$(BIN)/mkdocs build --quiet --strict
	@echo "build/site/index.html"

# The second report shows the times that the benchmark has measured. The extra tflm runs one of the models.
PICTURED := configs/*.yaml examples/targets/digits.yaml --out build/pictures
pictures: $(PROJECT)
	$(BIN)/rnnlite report $(PICTURED)
	$(BIN)/rnnlite benchmark configs/digits-bilstm.yaml --out build/pictures
	$(BIN)/rnnlite report $(PICTURED)
	$(BIN)/python .ci/pictures.py build/pictures

# All extras first: what the others need must fit them as well.
lock:
	$(COMPILE) --all-extras --output-file requirements-extras.lock
	$(COMPILE) --extra dev --constraint requirements-extras.lock --output-file requirements.lock

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(ENVIRONMENT):
	$(if $(IDENTITIES),,$(error $(PYTHON) is no Python 3.11, 3.12 or 3.13))
	@echo "Setting up .venv from $(LOCK); the first time this takes a few minutes."
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement $(LOCK)
	@touch $@

$(PROJECT): $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	@rm -f .venv/project-*
	@touch $@
