# Needs Python 3.11+ with venv, and make. `make` alone lists the targets.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
TEST_STAMP := .venv/.installed-for-tests
TEST_LOCKS := tests/chart/requirements.lock tests/page/requirements.lock tests/s3/requirements.lock
PAGE_STAMP := frontend/out/.built
NODE_STAMP := frontend/node_modules/.package-lock.json
CLIENT_STAMP := clients/typescript/node_modules/.package-lock.json
MEMBERS := services/core services/sdk services/api services/worker services/client services/cli
EDITABLE := --no-deps --no-build-isolation $(MEMBERS:%=-e %)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# Runs the second argument, or says in a line what is left out where there is no Node.
WITH_NODE = if [ ! -f frontend/package.json ]; then :; \
  elif ! node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then \
    echo "$(1): left out, it needs Node 20 or newer on the PATH"; \
  else $(2); fi

.DEFAULT_GOAL := help
.PHONY: help install run page test test-page lint lint-page lint-client format check lock kind-up kind-down monitoring images worker-images e2e chaos bench bench-latency bench-fleet bench-data bench-page bench-work pictures clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## install everything into .venv, at the versions and hashes of requirements.lock

run: $(STAMP) ## run the whole service on this machine; ARGS="--port 8001" for its options
	@$(call WITH_NODE,build of the page,$(MAKE) --no-print-directory -q $(PAGE_STAMP) 2>/dev/null || { echo "building the page"; \
	  $(MAKE) page >.venv/page.log 2>&1 || echo "the page was not built: see .venv/page.log"; })
	@$(BIN)/atropos up $(ARGS)

page: $(PAGE_STAMP) ## build the web page into frontend/out; needs Node 20 or newer

test: $(TEST_STAMP) ## run the tests; ARGS="-k word" for pytest's options
	@$(call WITH_NODE,tests of the page and the TypeScript client,$(MAKE) --no-print-directory page $(CLIENT_STAMP) $(if $(ARGS),,test-page))
	@$(BIN)/python -m pytest $(ARGS)

test-page: $(NODE_STAMP)
	@cd frontend && npm test --silent

lint: $(STAMP) ## check style and types
	@$(call WITH_NODE,lint of the page and the TypeScript client,$(MAKE) --no-print-directory lint-page lint-client)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lint-page: $(NODE_STAMP)
	@cd frontend && npm run --silent lint

lint-client: $(CLIENT_STAMP)
	@cd clients/typescript && npm run --silent lint

format: $(STAMP) ## format the code and apply safe fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint test ## lint and test

# One lock for everything on a developer's machine, and one for each image with nothing but what it runs.
EXPORT := $(BIN)/uv export --quiet --python $(BIN)/python --no-emit-workspace --format requirements-txt --no-annotate --no-header
# Extras of the worker, each with a lock that its Dockerfile installs on `--build-arg EXTRAS=data,report`.
WORKER_EXTRAS := data report video
lock: $(STAMP) ## resolve the dependencies anew into the requirements.lock files
	@$(BIN)/uv lock --python $(BIN)/python
	@$(EXPORT) --all-packages --all-extras --all-groups -o requirements.lock
	@$(EXPORT) --package atropos-api -o services/api/requirements.lock
	@$(EXPORT) --package atropos-worker -o services/worker/requirements.lock
	@for extra in $(WORKER_EXTRAS); do \
	  $(EXPORT) --package atropos-worker --extra $$extra -o services/worker/requirements-$$extra.lock || exit; \
	done
	@$(EXPORT) --only-group build -o services/build.lock
	@for lock in $(TEST_LOCKS); do \
	  $(BIN)/uv pip compile --quiet --python $(BIN)/python --python-version 3.11 --universal --generate-hashes \
	    --no-header --no-annotate -c requirements.lock $${lock%.lock}.in -o $$lock || exit; \
	done

kind-up: ## make the kind cluster `atropos` with KEDA, or leave it as it is
	@k8s/kind-up

kind-down: ## delete the kind cluster
	kind delete cluster --name atropos

monitoring: ## run Prometheus, Grafana and Jaeger in the kind cluster
	@k8s/monitoring-up

IMAGE_TAG ?= dev
images: ## build the images of API, worker and page, tagged IMAGE_TAG
	docker build --quiet -f services/api/Dockerfile -t atropos-api:$(IMAGE_TAG) $(IMAGE_ARGS) .
	docker build --quiet -f services/worker/Dockerfile -t atropos-worker:$(IMAGE_TAG) $(IMAGE_ARGS) .
	docker build --quiet -f frontend/Dockerfile -t atropos-frontend:$(IMAGE_TAG) $(IMAGE_ARGS) .

worker-images: ## build an image of the worker for each extra: atropos-worker-data, -report and -video
	@for extra in $(WORKER_EXTRAS); do \
	  docker build --quiet -f services/worker/Dockerfile --build-arg EXTRAS=$$extra \
	    -t atropos-worker-$$extra:$(IMAGE_TAG) $(IMAGE_ARGS) . || exit; \
	done

e2e: $(TEST_STAMP) kind-up ## run the tests in the kind cluster
	@$(MAKE) --no-print-directory images IMAGE_TAG=e2e
	@$(MAKE) --no-print-directory images IMAGE_TAG=e2e-next IMAGE_ARGS="--label next=true"
	docker build --quiet -f services/worker/Dockerfile --build-arg EXTRAS=data,report -t atropos-worker-work:e2e .
	@for name in api worker; do \
	  docker build --quiet --build-arg BASE=atropos-$$name:e2e -t atropos-$$name:e2e-broken tests/e2e/broken_image; \
	done
	@kind load docker-image --name atropos atropos-frontend:e2e atropos-worker-work:e2e \
	  $(foreach tag,e2e e2e-next e2e-broken,atropos-api:$(tag) atropos-worker:$(tag))
	@$(BIN)/python -m pytest tests/e2e --timeout 600 $(ARGS)

chaos: $(STAMP) ## break everything at random under load, and prove that no task is lost; ARGS="--seconds 60 --seed 7"
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: $(STAMP) ## measure Atropos beside its peers
	@$(BIN)/python -m benchmarks $(ARGS)

bench-latency: $(STAMP) ## show where the time goes between a POST and its result
	@$(BIN)/python -m benchmarks.latency $(ARGS)

bench-fleet: $(STAMP) ## measure how throughput grows with worker processes
	@$(BIN)/python -m benchmarks.fleet $(ARGS)

bench-data: $(STAMP) ## measure what the number of tasks in the tables costs; ARGS="10000000" for other numbers
	@$(BIN)/python -m benchmarks.data $(ARGS)

bench-page: $(TEST_STAMP) page ## measure the page in a browser
	@$(BIN)/python -m benchmarks.page

bench-work: $(STAMP) ## measure the handlers beside the same work by hand
	@$(BIN)/python -m benchmarks.work $(ARGS)

pictures: $(TEST_STAMP) page ## take the pictures of docs/pictures
	@PYTHONPATH=. $(BIN)/python frontend/scripts/take_pictures.py docs/pictures

clean: ## remove what was installed and cached; the data in .atropos stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis frontend/node_modules frontend/.next frontend/out \
	  clients/typescript/node_modules clients/typescript/dist clients/typescript/build
	find services tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# uv installs in seconds what takes pip a minute; where it cannot be had, pip does.
$(STAMP): requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Atropos needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks venv: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || { echo "making .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "installing requirements.lock into .venv"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install --no-deps --require-hashes -r .venv/uv.txt || true
	@if $(BIN)/uv --version >/dev/null 2>&1; then \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python $(EDITABLE); \
	else \
	  $(PIP) install --require-hashes -r requirements.lock && $(PIP) install $(EDITABLE); \
	fi
	@touch $@

# Large, so that only those who run the tests wait for it. Syncing requirements.lock removes it: it is then made anew.
$(TEST_STAMP): $(TEST_LOCKS) $(STAMP)
	@echo "installing $(TEST_LOCKS) into .venv"
	@if $(BIN)/uv --version >/dev/null 2>&1; then \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes $(TEST_LOCKS:%=-r %); \
	else \
	  $(PIP) install --require-hashes $(TEST_LOCKS:%=-r %); \
	fi
	@touch $@

PAGE_SOURCES := $(shell find frontend \( -name node_modules -o -name out -o -name .next -o -name tests -o -name nginx \
  -o -name Dockerfile \) -prune -o -type f -print 2>/dev/null)
$(PAGE_STAMP): $(NODE_STAMP) $(PAGE_SOURCES)
	@echo "building the page into frontend/out"
	@cd frontend && npm run --silent build
	@touch $@

$(NODE_STAMP) $(CLIENT_STAMP): %/node_modules/.package-lock.json: %/package-lock.json
	@echo "installing $< into $*/node_modules"
	@cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
