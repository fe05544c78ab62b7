"""Prints the registry's facts: one line of names of stateful types, then one line per type, `NAME<tab>SCHEMA`.

They are of two releases. Up to 1.53 cfn-lint ships its corrections within the schemas; later ones ship the registry as it is. So
the corrected schemas are the ground, and what the newer registry has more (types, properties, at every depth) is added to them.
"""

import json
import sys
from pathlib import Path

import cfnlint
from cfnlint.data.schemas.providers.us_east_1 import types
from cfnlint.schema._getatts import _all_property_types, _exceptions

DATA = Path(cfnlint.__file__).parent / "data"
NEWER = Path(sys.executable).parent.parent / "newer" / "cfnlint" / "data" / "schemas"
newer = json.loads((NEWER / "providers" / "us-east-1.json").read_text())

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


# Lists of JSON pointers to properties.
POINTERS = [
    "createOnlyProperties", "conditionalCreateOnlyProperties", "deprecatedProperties", "nonPublicProperties", "readOnlyProperties",
    "writeOnlyProperties",
]


def names_of(definition):
    return definition.get("properties", {}) if isinstance(definition, dict) else {}


def grown(old, new):
    """The old schema with the properties and definitions that only the new one has."""
    added = set()
    for name, definition in new.get("definitions", {}).items():
        known = old.setdefault("definitions", {}).setdefault(name, definition)
        if known is not definition:
            added |= add_properties(known, definition)
    added |= add_properties(old, new)
    if not added:
        return old
    if "tagging" in new and not old.get("tagging", {}).get("tagProperty"):
        old["tagging"] = new["tagging"]
    for key in POINTERS:
        known = old.get(key, [])
        of_added = [one for one in new.get(key, []) if one not in known and any(part in added for part in one.split("/"))]
        if of_added:
            old[key] = known + of_added
    return old


def add_properties(old, new):
    added = {name for name in names_of(new) if name not in names_of(old)}
    # What takes anything, or is no object, has nothing to add to.
    if not names_of(old):
        return set()
    for name in added:
        old["properties"][name] = new["properties"][name]
    return added


stateful = json.loads((DATA / "AdditionalSpecs" / "StatefulResources.json").read_text())["ResourceTypes"]
print(line(sorted(stateful)))
for name in sorted(types.keys() | newer.keys()):
    if not name.startswith("AWS::"):
        continue
    schema = {}
    if name in types:
        schema = strip(json.loads((DATA / "schemas" / "resources" / f"{types[name]}.json").read_text()))
    if name in newer:
        today = strip(json.loads((NEWER / "resources" / f"{newer[name]}.json").read_text()))
        schema = grown(schema, today) if schema else today
    # Types of before the registry, whose attributes are not just the read-only properties.
    if name in _all_property_types:
        schema["allAttributes"] = True
    if name in _exceptions:
        schema["moreAttributes"] = sorted(_exceptions[name])
    print(f"{name}\t{line(schema)}")
