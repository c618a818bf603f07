# make demo          score a demo dataset on this machine and show the result
# make test          unit tests, local Spark, the command, the wheel; takes minutes, without lint
# make test-all      this and the targets below up to test-container, with slow tests; takes hours
# make test-cluster  a Spark cluster on this machine, with simulated GPUs; processes are killed
# make test-faults   drivers are killed at some points, with SLOW=yes at all points
# make test-yarn     runs on a real YARN and HDFS; hosts are killed
# make test-tables   Delta and Iceberg tables, by their Spark packages
# make test-connect  columns through a real Spark Connect server of Spark 3.5
# make test-connect4 the same with Spark 4 and a client without Java and without torch
# make test-s3       runs on a real S3 server on this machine, healthy and failing
# make test-browser  the report in Debian's chromium; part of test-all
# make test-container  the image for SageMaker, built and run with buildah; part of test-all
# make test-gpu      the engine on a real GPU; skipped, with the reason, if there is none
# make test-spark4   unit and local tests on Spark 4, in a separate environment; also works with
#                    PYTHON=python3.13
# make screenshots   pictures of the demo's report, for the README
# make notebooks     runs docs/notebooks again and keeps their output
# make lock          updates the versions to which the image's libraries are pinned
# make audit         known vulnerabilities of the image's libraries; part of test-all
# make sbom          the image's libraries and their licences, as CycloneDX in build/sbom
# make bench         the engine and comparable tools on the same data; started again, it continues;
#                    also bench-quick, bench-sweeps, bench-quality GRADED="a.tsv b.tsv";
#                    BENCH="..." adds options

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

.PHONY: setup audit demo layers lock sbom notebooks screenshots test test-all test-browser test-cluster test-connect test-connect4 test-container test-faults test-s3 test-tables test-yarn test-gpu test-spark4 lint types clean bench bench-quick bench-sweeps bench-quality

setup: .venv/ready

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

demo: $(if $(wildcard .venv/ready),setup,.venv/demo-ready)
	$(BIN)/semscore demo build/demo

# With SLOW=yes, each of the targets for tests also runs the slow ones.
QUICK := $(if $(SLOW),,and not slow)
ALONE := not browser and not cluster and not connect and not container and not faults and not s3 and not tables and not yarn

# Three tests at once, because two of them often wait. Each has its own Spark, and needs the memory
# for it.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m '$(ALONE) $(QUICK)'

test-cluster: setup
	$(BIN)/pytest tests/cluster -m 'cluster $(QUICK)'

test-faults: setup
	$(BIN)/pytest tests/faults -m 'faults $(QUICK)'

build/connect/ready: .venv/ready | tools-for-hadoop
	mvn --quiet --batch-mode dependency:copy -DoutputDirectory=$(CURDIR)/build/connect \
		-Dartifact=org.apache.spark:spark-connect_2.12:3.5.7
	touch $@

test-connect: setup build/connect/ready
	$(BIN)/pytest tests/connect -m connect

build/tables/ready: .venv/ready | tools-for-hadoop
	for package in io.delta:delta-spark_2.12:3.3.2 io.delta:delta-storage:3.3.2 \
		org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0; do \
		mvn --quiet --batch-mode dependency:copy -DoutputDirectory=$(CURDIR)/build/tables -Dartifact=$$package || exit 1; \
	done
	touch $@

test-tables: setup build/tables/ready
	$(BIN)/pytest tests/tables -m 'tables $(QUICK)'

# What columns need, besides a Spark, on a client that loads no model itself: docs/columns.md
CLIENT := boto3 filelock huggingface-hub numpy obstore pandas psutil pyarrow safetensors tenacity

.venv-client/ready: $(SOURCES)
	$(PYTHON) -m venv .venv-client
	$(call install,.venv-client/bin,pyspark-client $(CLIENT))
	$(call install,.venv-client/bin,--no-deps --editable .)
	touch $@

test-connect4: setup .venv-spark4/ready .venv-client/ready
	SEMSCORE_SERVER_PYTHON=$(CURDIR)/.venv-spark4/bin/python SEMSCORE_CLIENT_PYTHON=$(CURDIR)/.venv-client/bin/python \
		$(BIN)/pytest tests/connect -m connect

# S3A and the AWS SDK. The pip package of Spark lacks them; this package has them and little else.
build/s3a/ready: .venv/ready
	mkdir -p build/s3a
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest build/s3a sagemaker_pyspark==1.4.5
	tar --extract --file build/s3a/sagemaker_pyspark-1.4.5.tar.gz --directory build/s3a --wildcards --strip-components 3 '*/hadoop-aws-*.jar' '*/aws-java-sdk-bundle-*.jar'
	rm build/s3a/*.tar.gz
	touch $@

test-s3: setup build/s3a/ready $(if $(SLOW),build/hadoop/ready)
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

test-yarn: setup build/hadoop/ready
	$(ONE_HADOOP) $(BIN)/pytest tests/yarn -m 'yarn $(QUICK)'

# If torch with CUDA is already installed, set BIN to its folder: make test-gpu BIN=/usr/bin
test-gpu:
	$(BIN)/python -m pytest -m gpu tests/gpu

# Goes on after a failure, because all of it takes hours.
test-all: setup tools-for-hadoop tools-for-images tools-for-browser
	$(MAKE) --keep-going --jobs=2 --output-sync=target SLOW=yes SEMSCORE_THOROUGH=1 \
		test test-s3 test-tables test-faults test-yarn test-cluster test-connect test-connect4 test-container test-browser audit

.venv-spark4/ready: $(SOURCES)
	$(PYTHON) -m venv .venv-spark4
	grep -v -e '^numpy' -e '^pandas' -e '^pyarrow' -e '^pyspark' constraints.txt > .venv-spark4/constraints.txt
	$(call install,.venv-spark4/bin,--constraint .venv-spark4/constraints.txt --editable '.[$(SPARK4_EXTRAS)]')
	touch $@

test-spark4: .venv-spark4/ready
	.venv-spark4/bin/pytest -m '$(ALONE) $(QUICK)' --ignore tests/packaging --ignore tests/test_readme.py

# Debian's buildah makes the images, so no Docker engine is needed.
test-container: setup build/hadoop/ready tools-for-images
	$(ONE_HADOOP) $(BIN)/pytest tests/container -m container

screenshots: demo tools-for-browser
	$(BIN)/python docs/screenshot.py build/demo/scored/_semscore/report.html docs/images

notebooks: setup
	$(BIN)/python docs/notebooks/execute.py docs/notebooks

test-browser: setup tools-for-browser
	$(BIN)/pytest -m browser

.PHONY: tools-for-browser
tools-for-browser:
	command -v chromium > /dev/null || apt-get install --yes --no-install-recommends chromium fonts-liberation

.PHONY: tools-for-hadoop
tools-for-hadoop:
	command -v mvn > /dev/null || apt-get install --yes --no-install-recommends maven

.PHONY: tools-for-images
tools-for-images:
	command -v buildah mmdebstrap ip > /dev/null || apt-get install --yes --no-install-recommends buildah mmdebstrap iproute2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	! git grep -niPf .ci/unclear-phrases -- ':!CHANGELOG.md' ':!benchmarks/results' ':!*.ipynb' ':!*.tsv' ':!.ci'
	$(MAKE) --no-print-directory layers
	$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)
	$(BIN)/hadolint container/Dockerfile

# Checks an installed copy, because the linter does not see packages that an editable install maps. Starts
# from scratch, because setuptools would include files that an earlier build has left.
layers: setup
	rm -rf build/lint build/lib build/bdist.*
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target build/lint .
	cd build/lint && PYTHONPATH=. $(CURDIR)/$(BIN)/lint-imports --no-cache $(CURDIR)/pyproject.toml

# Pins the image's libraries. torch is not included, because each of its builds has its own index.
LOCK := $(BIN)/uv pip compile --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_34 \
	--generate-hashes --override container/overrides.txt

lock: setup
	$(LOCK) container/requirements.in --output-file container/locks/gpu.txt
	$(LOCK) container/requirements.in container/requirements-openvino.in --output-file container/locks/cpu.txt

# Tools with requirements of their own, which uv keeps apart from .venv.
TOOL := UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" $(BIN)/uv tool run --quiet

audit: setup
	UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX-$${PIP_INDEX_URL-}}" \
		$(BIN)/python .ci/audit.py $(BIN)/uv tool run --quiet 'pip-audit>=2.10,<3'

# Installs what the locks name, and lists it. torch and SageMaker's own image are not included. The
# libraries are for another Python, so an empty environment refers to their folder.
sbom: setup
	rm -rf build/sbom
	for lock in cpu gpu; do \
		$(BIN)/uv pip install --quiet --python-version 3.12 --python-platform x86_64-manylinux_2_34 \
			--target build/sbom/$$lock --no-deps --require-hashes --requirement container/locks/$$lock.txt && \
		$(BIN)/python -m venv --without-pip build/sbom/$$lock-python && \
		echo $(CURDIR)/build/sbom/$$lock > $$(echo build/sbom/$$lock-python/lib/python*/site-packages)/libraries.pth && \
		$(TOOL) --from 'cyclonedx-bom>=7,<8' cyclonedx-py environment --output-reproducible \
			--output-file build/sbom/$$lock.cdx.json build/sbom/$$lock-python || exit 1; \
	done

# mypy reads the sources under the names that they have in the installed package.
types: setup
	mkdir -p build/names/semscore
	for package in conf jobs udfs; do ln -sfn ../../../$$package build/names/semscore/$$package; done
	for file in __init__.py __main__.py py.typed; do ln -sfn ../../../semscore/$$file build/names/semscore/$$file; done
	$(BIN)/mypy -p semscore

.venv/bench-ready: .venv/ready
	$(call install,$(BIN),--constraint constraints.txt --editable '.[$(BENCH_EXTRAS)]')
	touch $@

bench: .venv/bench-ready
	$(BIN)/python -m benchmarks.run $(BENCH)

bench-quick: .venv/bench-ready
	$(BIN)/python -m benchmarks.run --name quick --again --seconds 8 --rounds 1 --only minilm en original alone:bfloat16 semscore:float32 semscore:bfloat16 $(BENCH)

bench-sweeps: .venv/bench-ready
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

bench-quality: .venv/bench-ready
	$(BIN)/python -m benchmarks.quality $(GRADED) $(BENCH)

clean:
	rm -rf .venv .venv-spark4 build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
