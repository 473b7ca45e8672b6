# Each target does all of its own set-up and may be repeated.
.DEFAULT_GOAL := help
BIND ?= 127.0.0.1:8000
PYTHON := .venv/bin/python

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: ## two real libvirt hosts on this machine, and kvmweb to move VMs between them (root)
	@scripts/bootstrap.sh lab runtime
	@exec $(PYTHON) -m scripts.demo --bind $(BIND)

test: ## lint, types, contracts, schema, unit, lab and browser tests (root)
	@scripts/bootstrap.sh lab dev
	@exec scripts/test.sh

install: ## what `make run` needs: packages, environment, database
	@scripts/bootstrap.sh runtime
	@$(PYTHON) manage.py migrate --verbosity 0
	@echo "Installed. Make a person with: $(PYTHON) manage.py create_user NAME --role admin"

run: ## kvmweb for your own hosts
	@exec $(PYTHON) manage.py serve --bind $(BIND)

bench: ## kvmweb against virsh, side by side on the lab (root)
	@scripts/bootstrap.sh lab dev
	@exec $(PYTHON) -m bench

lock: ## for maintainers: compile requirements/*.in with hashes
	@for name in runtime dev; do .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate requirements/$$name.in -o requirements/$$name.txt; done

.PHONY: help demo test install run bench lock
