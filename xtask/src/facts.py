"""Prints the registry's facts: one line of names of stateful types, then one line per type, `NAME<tab>SCHEMA`."""

import json
from pathlib import Path

import cfnlint
from cfnlint.schema._getatts import _all_property_types, _exceptions

DATA = Path(cfnlint.__file__).parent / "data"
types = json.loads((DATA / "schemas" / "providers" / "us-east-1.json").read_text())

# Prose, links, and what only cfn-lint itself understands.
DROPPED = {
    "$comment", "$schema", "comment", "description", "documentationUrl", "examples", "lifecycle", "relationshipRef",
    "resourceLink", "sourceUrl", "title", "typeName", "uniqueKeys",
}
# Their keys are names of the schema's author, not keywords.
NAMED = {"properties", "definitions", "patternProperties"}


def strip(node, names=False):
    if isinstance(node, dict):
        return {
            key: value if key in ("enum", "const", "default") and not names else strip(value, key in NAMED and not names)
            for key, value in node.items()
            if names or key not in DROPPED
        }
    if isinstance(node, list):
        return [strip(item) for item in node]
    return node


def line(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


stateful = json.loads((DATA / "AdditionalSpecs" / "StatefulResources.json").read_text())["ResourceTypes"]
print(line(sorted(stateful)))
for name, content in sorted(types.items()):
    if not name.startswith("AWS::"):
        continue
    schema = strip(json.loads((DATA / "schemas" / "resources" / f"{content}.json").read_text()))
    # Types of before the registry, whose attributes are not just the read-only properties.
    if name in _all_property_types:
        schema["allAttributes"] = True
    if name in _exceptions:
        schema["moreAttributes"] = sorted(_exceptions[name])
    print(f"{name}\t{line(schema)}")
