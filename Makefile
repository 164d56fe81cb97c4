# The commands of Maskmill. `make help` lists them.
PYTHON ?= python3
ONCE ?=
OUT ?= maskmill-results
ENGINE ?= classic
CHECKPOINT ?=
DTYPE ?= bf16
STAGE ?= dev
UV_VERSION := 0.13.8
BIN := .venv/bin
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help
.PHONY: audit bootstrap campaign canary cost mutants deploy destroy diagram halt help demo page resume sbom test e2e screens check check-code check-page format simulate synth openapi pipeline trust fuzz lock clean bench bench-classic bench-codecs bench-edits bench-local bench-plan bench-render bench-init bench-exports bench-requests bench-server bench-sam bench-page package-model upload-model

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: .venv/demo $(if $(filter-out classic,$(ENGINE)),.venv/engines) ## The whole stack on this machine: deploy, run a job, show the results (ONCE=1, OUT=folder, ENGINE=sam-vit-b)
	@$(BIN)/python -m local.demo --out "$(OUT)" --engine "$(ENGINE)" $(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(if $(ONCE),--once)

page: .venv/demo ## Build the page into frontend/dist, unless it is there as its sources say
	@$(BIN)/python -m local.page

package-model: .venv/engines ## A fetched checkpoint into the folder that an endpoint loads fastest (ENGINE=sam-vit-b, DTYPE=fp32, CHECKPOINT=file, OUT=folder)
	@$(BIN)/python -m inference_container.package_model --engine "$(ENGINE)" --dtype "$(DTYPE)" \
		$(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(if $(filter command line,$(origin OUT)),--out "$(OUT)")

TO ?=
upload-model: .venv/demo ## A packaged model into S3, for an endpoint to be deployed with (ENGINE=sam-vit-b, TO=s3://bucket/models)
	@$(BIN)/python -m local.upload_model --engine "$(ENGINE)" --to "$(TO)"

PROCESSES ?= 3
TESTS ?=
test: .venv/test ## What decides about a change: linters, types, and all tests but the long ones of `make e2e` (PROCESSES=3, TESTS="what else pytest is told")
	@$(MAKE) --no-print-directory --jobs=2 check-code check-page page
	$(BIN)/python -m pytest -n $(PROCESSES) -m "not long" $(TESTS)

e2e: .venv/test page ## Every road, fault and right on the deployed local stacks, to a real browser (needs Chromium; a third of an hour)
	$(BIN)/python -m pytest tests/e2e

screens: .venv/test page ## Take the pictures of every screen in docs/page anew
	$(BIN)/python -m pytest -q tests/e2e/test_page_road.py tests/e2e/test_page_troubles.py
	@$(BIN)/python -m tests.e2e.screens

check: .venv/test ## Linters, formatting, types, the direction of imports, and all of that for the page with its unit tests
	@$(MAKE) --no-print-directory --jobs=2 check-code check-page

check-code: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check-page: .venv/demo
	$(BIN)/python -m local.page check

format: .venv/dev ## Format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/python -m local.page format

SEEDS ?= 2000
simulate: .venv/dev ## Play SEEDS worlds of the pipeline under faults and print what happened (MODE=full, START=seed, JSON=file)
	$(BIN)/python -m tests.simulation.campaign --seeds $(SEEDS) $(if $(filter command line environment,$(origin START)),--start $(START)) \
		$(if $(MODE),--mode $(MODE)) $(if $(JSON),--json $(JSON))

campaign: .venv/dev ## The long proof: 20,000 simulated jobs in full mode and 20,000 with the sweep off (minutes)
	nice $(BIN)/python -m tests.simulation.campaign --start 600000 --seeds 2400 --mode full
	nice $(BIN)/python -m tests.simulation.campaign --start 600000 --seeds 2150 --mode primary

synth: page ## Synthesise the stacks into build/, without credentials or Docker (STAGE=dev)
	@CDK_OUTDIR="build/cdk.$(STAGE)" CDK_CONTEXT_JSON='{"stage": "$(STAGE)"}' $(BIN)/python -m infra.app

YES ?=
CONTEXT ?=
bootstrap: .venv/demo ## Once for each account and region: what the CDK deploys with (STAGE=dev, YES=1)
	@$(BIN)/python -m local.delivery bootstrap --stage "$(STAGE)" $(if $(YES),--yes)

deploy: page ## The stacks into the account that you are signed in to; says first what they cost (STAGE=dev, CONTEXT="name=value …", YES=1)
	@$(BIN)/python -m local.delivery deploy --stage "$(STAGE)" $(foreach pair,$(CONTEXT),-c "$(pair)") $(if $(YES),--yes)

REPOSITORY ?=
trust: .venv/demo ## Once for each stage: the role that the repository's workflows deploy it with (STAGE=dev, REPOSITORY=owner/name, CONTEXT=provider=arn:…)
	@$(BIN)/python -m local.delivery trust --stage "$(STAGE)" -c repository="$(REPOSITORY)" \
		$(foreach pair,$(CONTEXT),-c "$(pair)") $(if $(YES),--yes)

CONNECTION ?=
pipeline: page ## Instead of that: a pipeline of AWS that deploys dev and prod (REPOSITORY=owner/name, CONNECTION=arn:…)
	@$(BIN)/python -m local.delivery pipeline --stage dev -c repository="$(REPOSITORY)" -c connection="$(CONNECTION)" \
		$(foreach pair,$(CONTEXT),-c "$(pair)") $(if $(YES),--yes)

destroy: .venv/demo ## The stacks out of that account again, with all that may go, and a list of what is left (STAGE=dev, YES=1)
	@$(BIN)/python -m local.delivery destroy --stage "$(STAGE)" $(if $(YES),--yes)

NAMES ?=
bench: .venv/test .venv-bench/ready page ## All benchmarks but those of models and browser, and what became worse (15 minutes; NAMES="requests ...")
	@$(BIN)/python -m benchmarks $(NAMES)

bench-edits: .venv-bench/ready ## Eight edits on a fifth of 12 megapixels beside albumentations, numpy with OpenCV, Pillow and kornia, with errors (minutes)
	@.venv-bench/bin/python -m benchmarks.edits

bench-render: .venv/dev ## From a photo of 12 megapixels to a WebP variant, beside a script, and each further variant (minutes)
	@$(BIN)/python -m benchmarks.render

bench-codecs: .venv/dev ## Time, size and error of every format at every effort, beside other settings
	@$(BIN)/python -m benchmarks.codecs

bench-init: .venv/dev ## What each function takes before its first event, beside boto3.client: processor time, modules, memory, bytes
	@$(BIN)/python -m benchmarks.init

bench-exports: .venv/dev ## COCO, YOLO and archives of 10,000 masks beside the obvious loops, and the memory that they take
	@$(BIN)/python -m benchmarks.exports

bench-classic: .venv/dev ## IoU of one click per photo with the classic segmenter
	@$(BIN)/python -m benchmarks.classic

bench-sam: .venv/test ## Speed of Segment Anything as ratios to the reference, measured side by side (minutes)
	@$(BIN)/python -m benchmarks.sam

bench-server: .venv/test ## What the model server costs on top of its model, and whether it leaks (minutes)
	@$(BIN)/python -m benchmarks.server --checkpoint tests/sam_test/sam-test.safetensors

bench-page: .venv/test page ## How long a prompt takes in the browser, with one thread and two, beside the native runtime
	@$(BIN)/python -m benchmarks.page

IMAGES ?= 1000
EMULATED ?= 24
bench-requests: .venv/test page ## What a job of IMAGES images asks of AWS, by kind, on paper, and one of EMULATED at the local stack (minutes)
	@$(BIN)/python -m benchmarks.requests --images $(IMAGES) --emulated $(EMULATED)

bench-local: .venv/test page ## The local stack's throughput beside the same work by library calls alone, and where its time goes (IMAGES=60)
	@$(BIN)/python -m benchmarks.throughput $(if $(filter-out file default,$(origin IMAGES)),--images $(IMAGES))

bench-plan: .venv/dev ## 100,000 images planned, dispatched and finished on paper (IMAGES=100000): linear, and no row hot
	@$(BIN)/python -m benchmarks.plan $(if $(filter-out file default,$(origin IMAGES)),--images $(IMAGES))

cost: .venv/test page ## What IMAGES images cost, counted at the local stack, and a month of rest; writes the tables of docs/costs.md (minutes; IMAGES=0: no run)
	@$(BIN)/python -m benchmarks.cost $(if $(filter-out file default,$(origin IMAGES)),--images $(IMAGES))

sbom: .venv/test ## What is shipped, as CycloneDX: wheels, the C libraries inside them, the page's packages (build/sbom.json)
	@$(BIN)/python -m local.sbom

audit: .venv-audit/ready sbom page ## Second opinions on sources and templates: semgrep, cfn-lint, checkov, cdk-nag, known vulnerabilities (minutes)
	@.venv-audit/bin/python -m local.audit

SAMPLE ?= 300
mutants: .venv-mutants/ready ## Plant SAMPLE mistakes in the core and the functions' logic, and count those that the unit tests notice (START=seed)
	@rm -rf mutants
	@.venv-mutants/bin/python -m tests.mutants --sample $(SAMPLE) --seed $(START)

.venv-mutants/ready: .venv/test requirements/mutants.txt
	@$(PYTHON) -m venv .venv-mutants
	@$(BIN)/uv pip install --quiet --python .venv-mutants/bin/python --require-hashes -r requirements/mutants.txt
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$(.venv-mutants/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/maskmill.pth"
	@touch $@

.venv-bench/ready: .venv/test requirements/bench.txt
	@echo "Installing the libraries that the edits are measured beside ..."
	@$(PYTHON) -m venv .venv-bench
	@$(BIN)/uv pip install --quiet --python .venv-bench/bin/python --no-deps --require-hashes -r requirements/bench.txt
	@$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
		> "$$(.venv-bench/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/maskmill.pth"
	@touch $@

.venv-audit/ready: .venv/uv requirements/audit.txt
	@echo "Installing the programs of the audit ..."
	@$(PYTHON) -m venv .venv-audit
	@$(BIN)/uv pip install --quiet --python .venv-audit/bin/python --require-hashes -r requirements/audit.txt
	@touch $@

diagram: .venv/dev ## Draw the stacks into ARCHITECTURE.md
	@$(BIN)/python -m local.diagram

REASON ?=
halt: .venv/dev ## Stop what costs money: new jobs, uploads and requests to the models (STAGE=dev, REASON="..."); what was submitted waits
	@$(BIN)/python -m local.operate halt --stage "$(STAGE)" --reason "$(REASON)"

resume: .venv/dev ## Let everything go on that `make halt` or the budget stopped (STAGE=dev)
	@$(BIN)/python -m local.operate resume --stage "$(STAGE)"

openapi: .venv/dev ## Write the API's description into docs/openapi.json, and the tables of docs/api.md
	@$(BIN)/python -m local.describe

JOBS ?= 200
canary: .venv/dev ## JOBS jobs on the stage that you are signed in to, each promise checked; says first what it costs
	@$(BIN)/python -m tests.canary --jobs $(JOBS)

SECONDS ?= 60
WHAT ?= parsers images api
START ?= 1
fuzz: .venv/test ## Inputs that nobody thought of, for SECONDS each (WHAT=parsers|images|api|deployed, START=seed, CASES=requests)
	@$(if $(CASES),CASES=$(CASES)) $(BIN)/python -m tests.fuzz --what $(WHAT) --seconds $(SECONDS) --start $(START)

lock: .venv/dev ## Resolve all pinned requirements again
	$(BIN)/python requirements/lock.py

clean: ## Remove everything that the commands above made
	rm -rf .venv .venv-audit .venv-bench .venv-mutants mutants .venv-emulator .venv-loaders .maskmill build cdk.out maskmill-results frontend/node_modules frontend/dist

.venv/uv:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Maskmill needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/demo: .venv/uv requirements/demo.txt pyproject.toml
	@echo "Installing what the demo needs ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/demo.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: .venv/demo requirements/dev.txt
	@echo "Installing what development needs ..."
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

ENGINES := requirements/transformers.txt requirements/openvino.txt requirements/onnx.txt requirements/lane.txt
.venv/engines: .venv/demo requirements/sam.txt $(ENGINES)
	@echo "Installing torch and the engines with weights ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' requirements/sam.txt)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements/sam.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes $(addprefix -r ,$(ENGINES))
	@touch $@

.venv-loaders/ready: .venv/uv requirements/loaders.txt
	@echo "Installing the programs that read datasets ..."
	@$(PYTHON) -m venv .venv-loaders
	@$(BIN)/uv pip install --quiet --python .venv-loaders/bin/python --require-hashes -r requirements/loaders.txt
	@touch $@

.venv/test: .venv/dev .venv/engines .venv-loaders/ready
	@touch $@
