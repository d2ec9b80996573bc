# The commands of the workbook. Each makes .venv when it is not there; nothing outside this folder is changed.
TARGET ?= sample_projects/cypherx
ARGS ?=
# Name an interpreter to build .venv with it: make test PYTHON=python3.12
BOOTSTRAP = $(if $(PYTHON),$(PYTHON),python3) lib/bootstrap.py $(if $(PYTHON),--python "$(PYTHON)")

.DEFAULT_GOAL := help
.PHONY: help audit test lab lock bench

help:
	@echo 'make audit [TARGET=path]  audit a FastAPI codebase; the report goes to out/<name>/'
	@echo 'make test                 the environment and all tests; ARGS="-k word" goes to pytest'
	@echo 'make lab                  JupyterLab with the notebooks'
	@echo 'make bench [TARGET=path]  speed of the audit and of the command'
	@echo 'make lock                 write constraints.txt anew (needs uv)'

audit:
	@$(BOOTSTRAP) audit "$(TARGET)"

test:
	@$(BOOTSTRAP) test $(ARGS)

lab:
	@$(BOOTSTRAP) lab $(ARGS)

bench:
	@$(BOOTSTRAP) run tests/benchmarks/startup.py
	@$(BOOTSTRAP) run tests/benchmarks/audit_speed.py "$(TARGET)"

lock:
	@uv pip compile --no-config --universal --no-header --no-annotate --python-version 3.11 --upgrade --quiet \
		--extra test --output-file constraints.txt pyproject.toml
