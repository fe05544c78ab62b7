"""Prints, for each service named on the command line, lines of compact JSON: its signing name, botocore's API model, without what only
people read, its endpoint rules and its paginators. Members keep the order of the model: it is the order of elements in XML."""

import gzip
import json
import pathlib
import sys

import botocore

DATA = pathlib.Path(botocore.__file__).parent / "data"
PROSE = {
    "documentation",
    "examples",
    "deprecatedMessage",
    "deprecatedSince",
    "documentationUrl",
    "endpointdiscovery",
    "staticContextParams",
    "uid",
    "serviceAbbreviation",
}


def read(path):
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        return json.loads(gzip.decompress(packed.read_bytes()))
    return json.loads(path.read_bytes()) if path.exists() else None


def merge(into, extras):
    for key, value in extras.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def load(path):
    """A data file with what botocore merges into it."""
    content = read(path)
    extras = read(path.with_name(path.stem + ".sdk-extras.json"))
    if content and extras:
        merge(content, extras.get("merge", {}))
    return content


def strip(value):
    """Without prose. Only keys of the model's own grammar are dropped: a member may well be called `documentation`."""
    if isinstance(value, list):
        return [strip(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, each in value.items():
        if key in PROSE:
            continue
        if key in ("members", "shapes", "operations"):
            kept[key] = {name: strip(item) for name, item in each.items()}
        else:
            kept[key] = strip(each)
    return kept


def static_params(model):
    """The constants that an operation gives to the endpoint rules, flattened to name -> value."""
    for operation in model["operations"].values():
        params = operation.get("staticContextParams")
        if params:
            operation["endpointParams"] = {name: param["value"] for name, param in params.items()}


def rules(value):
    if isinstance(value, list):
        return [rules(each) for each in value]
    if isinstance(value, dict):
        return {key: rules(each) for key, each in value.items() if key not in ("documentation",)}
    return value


def write(line):
    sys.stdout.write(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n")


write(load(DATA / "partitions.json"))
for name in sys.argv[1:]:
    newest = max(path for path in (DATA / name).iterdir() if path.is_dir())
    model = load(newest / "service-2.json")
    static_params(model)
    model = strip(model)
    model["paginators"] = (load(newest / "paginators-1.json") or {}).get("pagination", {})
    metadata = model["metadata"]
    write(metadata.get("signingName", metadata["endpointPrefix"]))
    write(model)
    write(rules(load(newest / "endpoint-rule-set-1.json")))
