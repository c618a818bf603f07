"""Switches off the telemetry of openvino and nncf. Import this module before them.

Without the telemetry package, both send nothing. Otherwise importing OpenVINO starts a thread that
reports to its vendor. That is unwanted on a cluster, and a thread must not exist before Spark's
Python daemon forks.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
