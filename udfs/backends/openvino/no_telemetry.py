"""Import this before openvino or nncf: with its package missing, their telemetry is off.

Else importing OpenVINO starts a thread that reports to its makers: nothing to do on a cluster, and
nothing to have before Spark's Python daemon forks.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
