"""Makes of the API description one by which valid requests are generated quickly: operations of one server alone, whose
requests have short lists and texts and no properties that nobody reads. Answers stay as they are described.

    tighten.py openapi.yaml node|primary > tight.json
"""

import json
import sys

import yaml

LIST_MAX = 3
TEXT_MAX = 20
METHODS = {"get", "post", "delete"}


def kinds(schema):
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def tighten(node):
    if isinstance(node, list):
        for item in node:
            tighten(item)
    if not isinstance(node, dict):
        return
    if "properties" in node:
        node.setdefault("additionalProperties", False)
    if isinstance(node.get("additionalProperties"), dict):
        node.setdefault("maxProperties", LIST_MAX)
    if "array" in kinds(node):
        node.setdefault("maxItems", LIST_MAX)
    if "string" in kinds(node) and "pattern" not in node and "enum" not in node:
        node.setdefault("maxLength", TEXT_MAX)
    for value in node.values():
        tighten(value)


def names(node, schemas, found):
    """Schemas that are referred to, and those that they refer to."""
    if isinstance(node, list):
        for item in node:
            names(item, schemas, found)
    if not isinstance(node, dict):
        return
    name = node.get("$ref", "").rpartition("/")[2]
    if name in schemas and name not in found:
        found.add(name)
        names(schemas[name], schemas, found)
    for value in node.values():
        names(value, schemas, found)


def main(path, server):
    with open(path, encoding="utf-8") as file:
        api = yaml.safe_load(file)
    schemas, requested = api["components"]["schemas"], set()
    for item in api["paths"].values():
        for method in METHODS & item.keys():
            operation = item[method]
            if server not in operation["x-served-by"]:
                del item[method]
                continue
            requests = [parameter["schema"] for parameter in operation.get("parameters", [])]
            requests += [body["schema"] for body in operation.get("requestBody", {}).get("content", {}).values()]
            names(requests, schemas, requested)
            tighten(requests)
    tighten([schemas[name] for name in requested])
    json.dump(api, sys.stdout)


main(*sys.argv[1:])
