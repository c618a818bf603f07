"""Check a request against the service's own description: lengths, patterns, choices.

botocore checks only types and lower bounds. So it would send requests that the service refuses
minutes later, after everything is uploaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from semscore.jobs.failures.wording import counted
from semscore.udfs.errors import UserError, some_of, suggestion

# Part of the request -> the option that sets it.
OPTIONS = {
    "ProcessingJobName": "--job-name",
    "InstanceType": "--instance-type",
    "InstanceCount": "--instances",
    "VolumeSizeInGB": "--volume-size",
    "VolumeKmsKeyId": "--volume-kms-key",
    "MaxRuntimeInSeconds": "--max-runtime",
    "ImageUri": "--image-uri",
    "RoleArn": "--role",
    "KmsKeyId": "--kms-key",
    "Subnets": "--subnets",
    "SecurityGroupIds": "--security-group-ids",
    "Tags": "--tags",
    "Environment": "--env",
}


def check_request(request: dict[str, Any]) -> None:
    """Raise UserError for the first value that CreateProcessingJob does not accept."""
    import botocore.session
    from botocore.exceptions import ParamValidationError
    from botocore.validate import validate_parameters

    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateProcessingJob").input_shape
    for path, wrong in _wrong(request, shape, ()):
        option = next((OPTIONS[part] for part in reversed(path) if part in OPTIONS), ".".join(path))
        raise UserError(f"{option}: {wrong}")
    try:
        validate_parameters(request, shape)
    except ParamValidationError as error:
        message = " ".join(str(error).split())
        raise UserError(f"SageMaker would refuse the job: {message}") from error


def _wrong(value: Any, shape: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of each value that breaks its shape's rules, and the reason."""
    rules = shape.metadata
    if shape.type_name == "structure":
        for name, member in value.items() if isinstance(value, dict) else ():
            if name not in shape.members:
                continue  # botocore reports it
            yield from _wrong(member, shape.members[name], (*path, name))
        return
    if shape.type_name in ("list", "map"):
        if not rules.get("min", 0) <= len(value) <= rules.get("max", len(value)):
            yield path, f"{counted(len(value), 'value')}, {_range(rules)}"
        members = value if shape.type_name == "list" else value.values()
        for member in members:
            yield from _wrong(
                member, shape.member if shape.type_name == "list" else shape.value, path
            )
        for key in () if shape.type_name == "list" else value:
            yield from _wrong(key, shape.key, path)
        return
    if choices := rules.get("enum"):
        if value not in choices:
            near = suggestion(value, choices)
            yield path, f"{value!r} is not a value of SageMaker's{near}: {some_of(choices, 8)}"
    elif shape.type_name == "string":
        if not rules.get("min", 0) <= len(value) <= rules.get("max", len(value)):
            yield path, f"{value[:40]!r}… has {counted(len(value), 'character')}, {_range(rules)}"
        elif not _matches(rules.get("pattern", ".*"), value):
            yield path, f"{value!r} does not match {rules['pattern']}"
    elif shape.type_name == "integer" and not (
        rules.get("min", value) <= value <= rules.get("max", value)
    ):
        yield path, f"{value} is out of range, {_range(rules)}"


def _matches(pattern: str, value: str) -> bool:
    """Return whether a value matches a pattern. Patterns with Java's own classes always match."""
    return r"\p{" in pattern or re.fullmatch(pattern, value, re.DOTALL) is not None


def _range(rules: dict[str, Any]) -> str:
    return f"expected {rules.get('min', 0)} to {rules.get('max', 'any number')}"
