# Every target makes and uses a local .venv: a machine needs only Python (>= 3.11) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Material announces its own future at every build.
export NO_MKDOCS_2_WARNING := 1
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install demo test check docs format tables gallery fuzz attack bench peers clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(VENV)/test: $(VENV)/base
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/dev: $(VENV)/test
	$(PIP) -e '.[test,docs,dev]'
	@touch $@

install: $(VENV)/base  ## make .venv and install rmfg into it

demo: install  ## solve Sioux Falls robustly and nominally, certify, compare, draw (out/)
	$(BIN)/python examples/sioux_falls.py out

test: $(VENV)/test  ## install the test extras and run the tests
	$(BIN)/python -m pytest

docs: $(VENV)/dev  ## build the documentation strictly (site/)
	$(BIN)/mkdocs build --strict --quiet

check: $(VENV)/dev  ## what CI runs: lint, format, types, documentation, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/mkdocs build --strict --quiet
	$(MAKE) test

format: $(VENV)/dev  ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: $(VENV)/test  ## make the tables of the documentation again (docs/tables)
	$(BIN)/python benchmarks/zoo_table.py docs/tables/zoo.md
	$(BIN)/python benchmarks/rigorous.py docs/tables/rigorous.md docs/tables/rigorous_summary.md
	$(BIN)/python benchmarks/hard_cases.py docs/tables/hard_cases.md docs/tables/sensitivity.md
	$(BIN)/python benchmarks/newton_options.py docs/tables/newton_options.md
	$(BIN)/python benchmarks/references.py docs/tables/references.md
	$(BIN)/python benchmarks/forgeries.py docs/tables/forgeries.md
	$(BIN)/python benchmarks/rates.py docs/tables/rates.md
	$(BIN)/python benchmarks/finite/studies.py docs/tables/finite_studies.md \
		docs/tables/finite_summary.md docs/assets/finite.png
	$(BIN)/python benchmarks/finite/two_states.py docs/tables/two_states.md
	$(BIN)/python benchmarks/finite/enumeration.py docs/tables/finite_enumeration.md
	$(BIN)/python benchmarks/finite/cost.py docs/tables/finite_cost.md docs/assets/finite_cost.png
	$(BIN)/python examples/sioux_falls.py out docs/tables/sioux_falls.md

gallery: install  ## draw every game of the zoo again (docs/assets/gallery)
	$(BIN)/python docs/gallery.py

fuzz: $(VENV)/test  ## 100,000 calls with rubbish for arguments (an hour), and their table
	$(BIN)/python tests/fuzzing.py 100000 docs/tables/fuzz.md

bench: install  ## time the hot loop, as ratios, and the first answer
	$(BIN)/python benchmarks/first_answer.py docs/tables/first_answer.md
	$(BIN)/python benchmarks/layout.py docs/tables/layout.md
	$(BIN)/python benchmarks/stationary.py docs/tables/stationary.md
	$(BIN)/python benchmarks/time_limits.py docs/tables/time_limits.md
	$(BIN)/python benchmarks/finite/engines.py docs/tables/finite_engines.md

peers: install  ## compare with other libraries, which go into out/environments (an hour)
	$(BIN)/python benchmarks/peers/compare.py out/peers --environments out/environments \
		--table docs/tables/peers.md --figure docs/assets/peers.png

attack: $(VENV)/test  ## try to refute the rigorous checker by 10,000 games in rationals (an hour)
	PYTHONPATH=tests $(BIN)/python tests/rigorous_attack.py 10000

clean:  ## remove everything that was made
	rm -rf $(VENV) out site dist .pytest_cache .ruff_cache
