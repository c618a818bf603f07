"""The packages: setuptools finds none by itself under names that are mapped to other folders."""

from setuptools import find_packages, setup

ROOTS = {"semscore.conf": "conf", "semscore.jobs": "jobs", "semscore.udfs": "udfs"}

setup(
    packages=[
        "semscore",
        *ROOTS,
        *(f"{name}.{found}" for name, root in ROOTS.items() for found in find_packages(root)),
    ]
)
