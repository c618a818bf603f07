# The first Python that fits, by the versions in pyproject.toml and docs/versions.md.
FITS := import ensurepip, sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	$$python -c '$(FITS)' 2> /dev/null && echo $$python && break; done)
NO_PYTHON = semscore with Spark 3.5 needs Python 3.10, 3.11 or 3.12 with its venv module; \
	$(or $(PYTHON),none on the PATH) is not one. Install one (on Debian and Ubuntu, python3.12-venv \
	belongs to it), or name one: make demo PYTHON=/path/to/python3.12
BIN := .venv/bin
SOURCES := pyproject.toml constraints.txt
USER_EXTRAS := local,openvino
EXTRAS := $(USER_EXTRAS),launch,dev
BENCH_EXTRAS := $(EXTRAS),bench
SPARK4_EXTRAS := spark4,openvino,launch,dev

# $(call install,BIN,ARGUMENTS): uv takes a fifth of pip's time, but does not read pip's settings.
# If it fails, pip is used.
define install
	$(1)/pip install --quiet --disable-pip-version-check uv
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" UV_INDEX="$${UV_INDEX-$${PIP_EXTRA_INDEX_URL-}}" \
		$(1)/uv pip install --quiet --python $(1)/python $(2) \
		|| $(1)/pip install --quiet --disable-pip-version-check $(2)
endef

.PHONY: help setup audit check-links demo docs docs-serve fmt layers lint lock notebooks phrases sbom screenshots types workflows clean
.PHONY: test test-all test-browser test-cluster test-connect test-connect4 test-container test-faults
.PHONY: test-exports test-gpu test-mlflow test-oldest test-s3 test-spark4 test-tables test-yarn coverage
.PHONY: tools tools-for-browser tools-for-hadoop tools-for-images
.PHONY: bench bench-floors bench-quality bench-quick bench-sweeps

# Lists the targets that have a description after `##`, under the headings after `##@`.
help:
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' \
		$(firstword $(MAKEFILE_LIST))

##@ Start

setup: .venv/ready ## the tools of developers and everything that tests need, in .venv

.venv/bin/python:
	$(if $(shell $(PYTHON) -c '$(FITS)' 2> /dev/null && echo fits),,$(error $(NO_PYTHON)))
	$(PYTHON) -m venv .venv

.venv/ready: $(SOURCES) | .venv/bin/python
	$(call install,$(BIN),--constraint constraints.txt --editable '.[$(EXTRAS)]')
	touch $@

# Without the tools of developers, unless they are there.
.venv/demo-ready: $(SOURCES) | .venv/bin/python
	$(call install,$(BIN),--constraint constraints.txt --editable '.[$(USER_EXTRAS)]')
	touch $@

demo: $(if $(wildcard .venv/ready),setup,.venv/demo-ready) ## score a demo dataset on this machine and show the result
	$(BIN)/semscore demo build/demo

clean: ## delete everything that these targets made, except results of benchmarks
	rm -rf .venv .venv-client .venv-oldest .venv-spark4 build dist *.egg-info .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

##@ Check, in about a minute

fmt: setup ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: setup workflows ## style, unclear phrases, layers, scripts, the Dockerfile, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(MAKE) --no-print-directory phrases
	$(MAKE) --no-print-directory layers
	$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)
	$(BIN)/hadolint container/Dockerfile

phrases:
	! git grep -niPf .ci/unclear-phrases -- ':!CHANGELOG.md' ':!benchmarks/results' ':!*.ipynb' ':!*.tsv' ':!.ci'

# Go builds it, because the packages of PyPI fetch it from GitHub when they are installed.
build/bin/actionlint:
	GOBIN=$(CURDIR)/build/bin go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

GO := $(shell command -v go)
workflows: setup $(if $(GO),build/bin/actionlint)
	$(if $(GO),PATH="$(CURDIR)/$(BIN):$$PATH" build/bin/actionlint,@echo 'Workflows are not checked: actionlint needs Go.')

# Checks an installed copy, because the linter does not see packages that an editable install maps. Starts
# from scratch, because setuptools would include files that an earlier build has left.
layers: setup
	rm -rf build/lint build/lib build/bdist.*
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/lint .
	cd build/lint && PYTHONPATH=. $(CURDIR)/$(BIN)/lint-imports --no-cache $(CURDIR)/pyproject.toml

# mypy reads the sources under the names that they have in the installed package.
types: setup ## mypy, strict
	mkdir -p build/names/semscore
	for package in conf jobs udfs; do ln -sfn ../../../$$package build/names/semscore/$$package; done
	for file in __init__.py __main__.py py.typed; do ln -sfn ../../../semscore/$$file build/names/semscore/$$file; done
	$(BIN)/mypy -p semscore

##@ Test (SLOW=yes: with the slow tests; times are for two cores)

# With SLOW=yes, each of the targets for tests also runs the slow ones.
QUICK := $(if $(SLOW),,and not slow)
ALONE := not browser and not cluster and not collector and not connect and not container and not exports and not faults and not mlflow and not s3 and not tables and not yarn

# Three tests at once, because two of them often wait. Each has its own Spark, and needs the memory
# for it. A process that dies is not replaced, because the others could then wait for its tests.
AT_ONCE := -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0
test: setup ## unit tests, local Spark, the command, the wheel; about 10 minutes
	OMP_NUM_THREADS=1 $(BIN)/pytest $(AT_ONCE) -m '$(ALONE) $(QUICK)'

test-cluster: setup ## a Spark cluster on this machine, with simulated GPUs; processes are killed
	$(BIN)/pytest tests/cluster -m 'cluster $(QUICK)'

test-faults: setup ## drivers are killed at some points, with SLOW=yes at all points
	$(BIN)/pytest tests/faults -m 'faults $(QUICK)'

build/connect/ready: .venv/ready | tools-for-hadoop
	mvn --quiet --batch-mode dependency:copy -DoutputDirectory=$(CURDIR)/build/connect \
		-Dartifact=org.apache.spark:spark-connect_2.12:3.5.7
	touch $@

test-connect: setup build/connect/ready ## columns through a real Spark Connect server of Spark 3.5; needs Maven
	$(BIN)/pytest tests/connect -m connect

build/tables/ready: .venv/ready | tools-for-hadoop
	for package in io.delta:delta-spark_2.12:3.3.2 io.delta:delta-storage:3.3.2 \
		org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0; do \
		mvn --quiet --batch-mode dependency:copy -DoutputDirectory=$(CURDIR)/build/tables -Dartifact=$$package || exit 1; \
	done
	touch $@

test-tables: setup build/tables/ready ## Delta and Iceberg tables, by their Spark packages; needs Maven
	$(BIN)/pytest tests/tables -m 'tables $(QUICK)'

# The server needs other versions of some libraries than semscore's tests.
build/mlflow/ready: .venv/ready
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/mlflow
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" $(BIN)/uv pip install --quiet --python build/mlflow/bin/python 'mlflow>=3,<4'
	touch $@

test-mlflow: setup build/mlflow/ready ## a model from an MLflow server, and a run that is logged there; half a minute
	$(BIN)/pytest tests/mlflow -m mlflow

# OpenTelemetry's builder puts the collector together; for the first time, Go needs minutes for it.
build/collector/collector: tests/collector/builder.yaml
	$(if $(GO),$(GO) run go.opentelemetry.io/collector/cmd/builder@v0.165.0 --config $<,@echo 'Go is not installed, so there is no collector')

test-collector: setup build/collector/collector ## metrics through a real collector of OpenTelemetry; needs Go
	$(BIN)/pytest tests/collector -m collector

# What columns need, besides a Spark, on a client that loads no model itself: docs/columns.md
CLIENT := boto3 filelock huggingface-hub numpy obstore pandas psutil pyarrow safetensors tenacity

.venv-client/ready: $(SOURCES)
	$(PYTHON) -m venv .venv-client
	$(call install,.venv-client/bin,pyspark-client $(CLIENT))
	$(call install,.venv-client/bin,--no-deps --editable .)
	touch $@

test-connect4: setup .venv-spark4/ready .venv-client/ready ## the same with Spark 4, and a client without Java and torch
	SEMSCORE_SERVER_PYTHON=$(CURDIR)/.venv-spark4/bin/python SEMSCORE_CLIENT_PYTHON=$(CURDIR)/.venv-client/bin/python \
		$(BIN)/pytest tests/connect -m connect

# S3A and the AWS SDK. The pip package of Spark lacks them; this package has them and little else.
build/s3a/ready: .venv/ready
	mkdir -p build/s3a
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest build/s3a sagemaker_pyspark==1.4.5
	tar --extract --file build/s3a/sagemaker_pyspark-1.4.5.tar.gz --directory build/s3a --wildcards --strip-components 3 '*/hadoop-aws-*.jar' '*/aws-java-sdk-bundle-*.jar'
	rm build/s3a/*.tar.gz
	touch $@

test-s3: setup build/s3a/ready $(if $(SLOW),build/hadoop/ready) ## a real S3 server on this machine, healthy and failing
	$(BIN)/pytest tests/s3 -m 's3 $(QUICK)'

# A Hadoop, and a Spark that uses it, in the versions of SageMaker's container.
build/hadoop/ready: .venv/ready tests/yarn/pom.xml tests/container/standin/spark-with-hadoop.sh | tools-for-hadoop
	rm -rf build/hadoop
	mvn --quiet --batch-mode --file tests/yarn/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/hadoop/jars
	cp --archive --symbolic-link $$($(BIN)/python -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)') build/hadoop/spark
	tests/container/standin/spark-with-hadoop.sh build/hadoop/spark/jars $(CURDIR)/build/hadoop/jars
	# For a Python that uses this Spark. It is at home where this file is, with links resolved, so the
	# file must not be a link.
	sed --in-place '' build/hadoop/spark/find_spark_home.py
	mkdir build/hadoop/python
	ln -s ../spark build/hadoop/python/pyspark
	touch $@

# Hadoop listens on ports of this host, so it can run only once.
ONE_HADOOP := flock build/hadoop/ready

test-yarn: setup build/hadoop/ready ## a real YARN and HDFS; hosts are killed; needs Maven
	$(ONE_HADOOP) $(BIN)/pytest tests/yarn -m 'yarn $(QUICK)'

# If torch with CUDA is already installed, set BIN to its folder: make test-gpu BIN=/usr/bin
test-gpu: ## the engine on a real GPU; skipped, with the reason, if there is none
	$(BIN)/python -m pytest -m gpu tests/gpu

# Goes on after a failure, because all of it takes hours.
test-all: setup tools-for-hadoop tools-for-images tools-for-browser ## all of these except -gpu, -oldest and -spark4, with slow tests; about 2 hours
	$(MAKE) --keep-going --jobs=2 --output-sync=target SLOW=yes SEMSCORE_THOROUGH=1 \
		test test-s3 test-tables test-faults test-yarn test-cluster test-connect test-connect4 test-mlflow test-collector test-container test-browser test-exports audit

.venv-spark4/ready: $(SOURCES)
	$(PYTHON) -m venv .venv-spark4
	grep -v -e '^numpy' -e '^pandas' -e '^pyarrow' -e '^pyspark' constraints.txt > .venv-spark4/constraints.txt
	$(call install,.venv-spark4/bin,--constraint .venv-spark4/constraints.txt --editable '.[$(SPARK4_EXTRAS)]')
	touch $@

test-spark4: .venv-spark4/ready ## the tests of `make test` on Spark 4; also with PYTHON=python3.13
	.venv-spark4/bin/pytest -m '$(ALONE) $(QUICK)' --ignore tests/packaging --ignore tests/test_readme.py

# The lowest versions that pyproject.toml allows, without the tools of developers, whose bounds do not matter.
.venv-oldest/ready: pyproject.toml
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/pip install --quiet --disable-pip-version-check uv
	.venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python --resolution lowest-direct \
		--editable '.[$(USER_EXTRAS)]' 'hypothesis>=6.100' 'pytest>=8' 'pytest-xdist>=3.6'
	touch $@

test-oldest: .venv-oldest/ready ## pairs, recipes and scores with the oldest libraries that pyproject.toml allows
	.venv-oldest/bin/pytest tests/udfs/pairs tests/udfs/test_recipe.py tests/udfs/test_score_pairs.py

# Debian's buildah makes the images, so no Docker engine is needed.
test-container: setup build/hadoop/ready tools-for-images ## the image for SageMaker, built and run with buildah
	$(ONE_HADOOP) $(BIN)/pytest tests/container -m container

# Airflow pins its own libraries, so it has an environment of its own.
build/airflow/ready: .venv/ready
	$(PYTHON) -m venv build/airflow
	$(call install,build/airflow/bin,apache-airflow==3.3.2 apache-airflow-providers-amazon==9.39.0)
	touch $@

build/asl/ready:
	mkdir -p build/asl
	! command -v npm > /dev/null || npm install --prefix build/asl --no-audit --no-fund asl-validator@4.0.0
	touch $@

test-exports: setup build/airflow/ready build/asl/ready ## what `launch --export` prints, in a real Airflow and by asl-validator
	$(BIN)/pytest tests/jobs/processing_job/exports -m exports

test-browser: setup tools-for-browser ## the report in Debian's chromium
	$(BIN)/pytest -m browser

# With the tests' subprocesses and Spark's workers. The page is build/coverage/index.html.
COVERED := tests
coverage: setup ## which lines `make test` runs; COVERED=tests/udfs/pairs: some tests
	OMP_NUM_THREADS=1 $(BIN)/pytest $(AT_ONCE) -m '$(ALONE) $(QUICK)' \
		--cov --cov-report term:skip-covered --cov-report html $(COVERED)

##@ Install what is not in .venv, on Debian and Ubuntu

# $(call tools,COMMAND:PACKAGE...): says which packages belong to commands that are missing, and fails. With
# TOOLS=install, installs them.
APT := $(if $(filter-out 0,$(shell id -u)),sudo )apt-get
INSTALL := $(APT) install --yes --no-install-recommends
define tools
	@packages=; \
	for tool in $(1); do \
		command -v "$${tool%%:*}" > /dev/null || packages="$$packages $${tool#*:}"; \
	done; \
	if [ -z "$$packages" ]; then exit 0; fi; \
	if [ '$(TOOLS)' != install ]; then \
		echo "Debian packages are missing; install them with: sudo apt-get install$$packages" \
			"(or: make $@ TOOLS=install)" >&2; \
		exit 1; \
	fi; \
	$(INSTALL)$$packages || { $(APT) update && $(INSTALL)$$packages; }
endef

tools: ## Maven, chromium, buildah and what belongs to them
	$(MAKE) --no-print-directory tools-for-browser tools-for-hadoop tools-for-images TOOLS=install

tools-for-browser:
	$(call tools,chromium:chromium chromium:fonts-liberation)

tools-for-hadoop:
	$(call tools,mvn:maven)

tools-for-images:
	$(call tools,buildah:buildah mmdebstrap:mmdebstrap ip:iproute2)

##@ Renew what is kept in the repository

screenshots: demo tools-for-browser ## pictures of the demo's report, for the README
	$(BIN)/python docs/screenshot.py build/demo/scored/_semscore/report.html docs/images

notebooks: setup ## run docs/notebooks again and keep their output
	$(BIN)/python docs/notebooks/execute.py docs/notebooks

# Pins the image's libraries. torch is not included, because each of its builds has its own index.
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_34 \
	--generate-hashes --override container/overrides.txt

lock: setup ## the versions to which the image's libraries are pinned
	$(LOCK) container/requirements.in --output-file container/locks/gpu.txt
	$(LOCK) container/requirements.in container/requirements-openvino.in --output-file container/locks/cpu.txt

# Tools with requirements of their own, which uv keeps apart from .venv.
audit: setup ## known vulnerabilities of the image's libraries; says so if it cannot look them up
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" \
		$(BIN)/python .ci/audit.py $(BIN)/uv tool run --quiet 'pip-audit>=2.10,<3'

# Installs what the locks name, and lists it. torch and SageMaker's own image are not included. The
# libraries are for another Python, so an empty environment refers to their folder.
sbom: setup ## the image's libraries and their licences, as CycloneDX in build/sbom
	rm -rf build/sbom
	for lock in cpu gpu; do \
		$(BIN)/uv pip install --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_34 \
			--target build/sbom/$$lock --no-deps --require-hashes --requirement container/locks/$$lock.txt && \
		$(BIN)/python -m venv --without-pip build/sbom/$$lock-python && \
		echo $(CURDIR)/build/sbom/$$lock > $$(echo build/sbom/$$lock-python/lib/python*/site-packages)/libraries.pth && \
		UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" $(BIN)/uv tool run --quiet \
			--from 'cyclonedx-bom>=7,<8' cyclonedx-py environment --output-reproducible \
			--output-file build/sbom/$$lock.cdx.json build/sbom/$$lock-python || exit 1; \
	done

##@ The documentation site

# Without NO_MKDOCS_2_WARNING, the theme advertises its successor on each start.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs

docs: setup ## build it into build/site; a broken link or anchor fails
	$(MKDOCS) build --strict

docs-serve: setup ## show it on http://127.0.0.1:8000, and build it again when a file changes
	$(MKDOCS) serve

# Links to this repository and to the site itself are left out, because `make docs` checks them.
check-links: docs ## ask the hosts of all its links; needs the internet, not part of CI
	$(BIN)/uv tool run --from 'linkchecker>=10.6,<11' linkchecker --check-extern --no-status \
		--ignore-url '^https://(github.com/semscore|semscore.github.io)/' build/site/index.html

##@ Measure (BENCH="..." adds options)

.venv/bench-ready: .venv/ready
	$(call install,$(BIN),--constraint constraints.txt --editable '.[$(BENCH_EXTRAS)]')
	touch $@

bench: .venv/bench-ready ## the engine and comparable tools on the same data; continues a stopped run
	$(BIN)/python -m benchmarks.run $(BENCH)

bench-quick: .venv/bench-ready ## five of them on few rows
	$(BIN)/python -m benchmarks.run --name quick --again --seconds 8 --rounds 1 --only minilm en original alone semscore:float32 semscore:bfloat16 $(BENCH)

bench-floors: bench-quick ## this, and fail if semscore is slower than benchmarks/floors.toml allows
	$(BIN)/python -m benchmarks.floors benchmarks/results/quick.json

bench-sweeps: .venv/bench-ready ## influences on semscore's speed, one by one; takes hours
	$(BIN)/python -m benchmarks.sweeps $(BENCH)
	$(BIN)/python -m benchmarks.growth $(BENCH)
	$(BIN)/python -m benchmarks.coldstart $(BENCH)
	$(BIN)/python -m benchmarks.proving $(BENCH)
	$(BIN)/python -m benchmarks.datapath
	$(BIN)/python -m benchmarks.seconds $(BENCH)
	$(BIN)/python -m benchmarks.operators
	$(BIN)/python -m benchmarks.protocol
	$(BIN)/python -m benchmarks.manyfiles
	$(BIN)/python -m benchmarks.planning $(BENCH)
	$(BIN)/python -m benchmarks.kinds $(BENCH)
	$(BIN)/python -m benchmarks.wide
	$(MAKE) build/tables/ready
	$(BIN)/python -m benchmarks.snapshots

bench-quality: .venv/bench-ready ## agreement with people's grades, of GRADED="a.tsv b.tsv"
	$(BIN)/python -m benchmarks.quality $(GRADED) $(BENCH)
