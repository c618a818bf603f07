"""YARN or HDFS on this machine without namespaces: `python loopback.py ROOT HOST HOSTS KIND`.

Starts the daemons of one host of a job as SageMaker's container does, with the files below ROOT.
KIND: `hdfs`, or `yarn`, which uses local folders instead of HDFS. Hosts are addresses such as
127.0.0.2. Prints "ready", and ends with its parent.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__":
    root, host, hosts = sys.argv[1], sys.argv[2], sys.argv[3].split(",")
    with_hdfs = sys.argv[4] == "hdfs"
    os.environ["STANDIN_ROOT"] = root
    sys.path.insert(0, str(Path(__file__).parents[1] / "container/standin"))

    import configuration
    import hadoop

    configuration.configure({"current_host": host, "hosts": hosts})
    local = {"hadoop.tmp.dir": f"{root}/tmp"}
    local |= {} if with_hdfs else {"fs.defaultFS": "file:///"}
    configuration.write({"Classification": "core-site", "Properties": local})
    logs = {"yarn.nodemanager.log-dirs": f"{hadoop.LOGS}/userlogs"}
    configuration.write({"Classification": "yarn-site", "Properties": logs})
    hadoop.end_with_parent()
    kinds = [hadoop.RESOURCES, hadoop.NODES] if host == min(hosts) else [hadoop.NODES]
    kinds = [hadoop.NAME_NODE, hadoop.DATA_NODE] if with_hdfs else kinds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with hadoop.daemons(kinds):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        signal.pause()
