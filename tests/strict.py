"""Every request that reaches moto is parsed by moto's own parsers and held to AWS's API model (botocore's): unknown members,
required ones, types, lengths, ranges, enums, patterns. What breaks it is written down, one JSON line each, in the file that
PAYCTL_INVALID_REQUESTS names; the harness fails the test with it.
"""

import functools
import json
import os
import re

from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import BaseResponse
from moto.core.utils import get_service_model

# AWS's query protocol: what every request has besides its members.
QUERY_FRAME = {"Action", "Version"}


@functools.lru_cache(maxsize=None)
def expression(pattern):
    """A pattern of the model as Python reads it, for whole texts; None where it cannot (other engines' syntax)."""
    try:
        return re.compile("(?s)" + pattern.replace(r"\p{L}", r"\w").replace(r"\p{Z}", r"\s").replace(r"\p{N}", r"\d"))
    except re.error:
        return None


def scalars(value, shape, path, wrong):
    """What botocore itself leaves to the server: upper bounds, enums, patterns."""
    if value is None:
        return
    kind, facts = shape.type_name, shape.metadata
    if kind == "structure":
        for name, member in shape.members.items():
            if name in value:
                scalars(value[name], member, f"{path}.{name}".lstrip("."), wrong)
    elif kind == "list":
        if "max" in facts and len(value) > facts["max"]:
            wrong.append(f"{path} has {len(value)} items, {facts['max']} at most")
        for index, item in enumerate(value):
            scalars(item, shape.member, f"{path}[{index}]", wrong)
    elif kind == "map":
        for key, item in value.items():
            scalars(key, shape.key, f"{path} (key)", wrong)
            scalars(item, shape.value, f"{path}.{key}", wrong)
    elif kind == "string":
        enum = getattr(shape, "enum", None)
        if enum and value not in enum:
            wrong.append(f"{path}: {value!r} is none of {', '.join(enum)}")
        if "max" in facts and len(value) > facts["max"]:
            wrong.append(f"{path} has {len(value)} characters, {facts['max']} at most")
        pattern = expression(facts["pattern"]) if "pattern" in facts else None
        if pattern and not pattern.fullmatch(value):
            wrong.append(f"{path}: {value!r} does not match {facts['pattern']}")
    elif kind in ("integer", "long", "float", "double") and "max" in facts and value > facts["max"]:
        wrong.append(f"{path}: {value} is more than {facts['max']}")


def strangers(sent, shape, path, wrong):
    """Members of a JSON body that the model does not have."""
    if shape.type_name == "structure" and isinstance(sent, dict):
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, value in sent.items():
            if name not in known:
                wrong.append(f"{path}.{name} is no member".lstrip("."))
            elif not getattr(known[name], "is_document_type", False):
                strangers(value, known[name], f"{path}.{name}".lstrip("."), wrong)
    elif shape.type_name == "list" and isinstance(sent, list):
        for index, item in enumerate(sent):
            strangers(item, shape.member, f"{path}[{index}]", wrong)
    elif shape.type_name == "map" and isinstance(sent, dict):
        for key, item in sent.items():
            strangers(item, shape.value, f"{path}.{key}", wrong)


def breaches(response):
    """What is wrong with the request that a moto response object was set up for."""
    service = get_service_model(response.boto3_service_name)
    operation = service.operation_model(response._get_action())
    shape = operation.input_shape
    if shape is None:
        return operation.name, []
    request = response.normalized_request
    protocol = determine_request_protocol(service, request.content_type)
    parsed = PROTOCOL_PARSERS[protocol](operation, map_type=dict).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": response.uri_match,
        }
    )
    report = ParamValidator().validate(parsed, shape)
    wrong = report.generate_report().split("\n") if report.has_errors() else []
    scalars(parsed, shape, "", wrong)
    if protocol in ("query", "ec2"):
        # What the parser did not take does not come out of botocore's own serializer again.
        again = create_serializer(protocol, False).serialize_to_request(parsed, operation)["body"]
        for name, value in request.form.items():
            # An empty list is sent as an empty text.
            if name not in again and name not in QUERY_FRAME and value != "":
                wrong.append(f"{name} is no member")
    elif protocol in ("json", "rest-json") and request.data and not shape.serialization.get("payload"):
        strangers(json.loads(request.data), shape, "", wrong)
    return operation.name, wrong


def strict(call_action):
    @functools.wraps(call_action)
    def checked(self):
        record = os.environ.get("PAYCTL_INVALID_REQUESTS")
        # botocore checks what it sends itself: only payctl's own requests are held to the model.
        if record and "payctl" in self.headers.get("User-Agent", ""):
            operation, wrong = breaches(self)
            if wrong:
                with open(record, "a", encoding="utf-8") as file:
                    file.write(json.dumps({"operation": f"{self.service_name}:{operation}", "wrong": wrong}) + "\n")
        return call_action(self)

    return checked


def install():
    BaseResponse.call_action = strict(BaseResponse.call_action)
