# Each target does all of its own set-up and may be repeated.
.DEFAULT_GOAL := help
BIND ?= 127.0.0.1:8000
PYTHON := .venv/bin/python
N ?= 50

help: ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: ## two real libvirt hosts on this machine, and kvmweb to migrate VMs between them (root)
	@scripts/bootstrap.sh lab runtime
	@exec $(PYTHON) -m scripts.demo --bind $(BIND)

test: ## lint, types, contracts, schema, unit, lab and browser tests (root); ARGS="tests/lab -k ssh" for some tests only
	@scripts/bootstrap.sh lab dev
	@exec scripts/test.sh $(ARGS)

faults: ## every fault at every phase of a migration; takes hours (root); ARGS="-k 'libvirtd and memory'" for some only
	@scripts/bootstrap.sh lab dev
	@exec scripts/test.sh tests/faults tests/lab/test_post_copy.py tests/browser/test_post_copy.py -m "" $(ARGS)

lint: ## the part of `make test` that runs no tests: style, types, contracts, size limits, schema
	@scripts/bootstrap.sh dev
	@exec scripts/lint.sh

install: ## install what `make run` needs: packages, environment, database
	@scripts/bootstrap.sh runtime
	@$(PYTHON) manage.py migrate --verbosity 0
	@echo "Installed. make run starts kvmweb. As long as there is no user, it prints a link to create the first admin."

run: ## start kvmweb for your own hosts; BIND=HOST:PORT to listen elsewhere
	@exec $(PYTHON) manage.py serve --bind $(BIND)

bench: ## compare kvmweb with virsh in the lab (root); ARGS="--beside CHECKOUT" for an older kvmweb too
	@scripts/bootstrap.sh lab dev
	@exec $(PYTHON) -m bench $(ARGS)

soak: ## N migrations of all methods, there and back (N=50): none may fail, nothing may grow (root)
	@scripts/bootstrap.sh lab dev
	@exec $(PYTHON) -m bench.soak $(N)

record: ## record real live migrations of the lab as data of the tests (root); ARGS="NAME ..." for some scenarios only
	@scripts/bootstrap.sh lab dev
	@exec $(PYTHON) -m bench.record $(ARGS)

lock: ## for maintainers, with uv: compile requirements/*.in with hashes (LOCK=--upgrade for newer releases)
	@for name in runtime dev; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate $(LOCK) requirements/$$name.in -o requirements/$$name.txt || exit; done
	@scripts/bootstrap.sh runtime
	@$(PYTHON) -m scripts.third_party

vendor: ## for maintainers, with Node: fetch the front-end files again (package.json says which)
	@npm ci --ignore-scripts
	@$(PYTHON) -m scripts.vendor
	@$(PYTHON) -m scripts.third_party

.PHONY: help demo test faults lint install run bench soak record lock vendor
