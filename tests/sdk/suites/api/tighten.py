"""Makes of the API description one by which valid requests are generated quickly: operations of one server alone, whose
requests have short lists and texts and no properties that nobody reads. Half of the values that have examples are one of
these, so that many questions are about the same things; half of the policies are the given one, and the others, which are
texts, are refused, so that it stays in force. Answers stay as they are described.

    tighten.py openapi.yaml node|primary POLICY > tight.json
"""

import json
import sys

import yaml

LIST_MAX = 3
TEXT_MAX = 20
METHODS = {"get", "post", "delete"}
SCALAR = {"type": ["null", "boolean", "integer", "number", "string"], "maxLength": TEXT_MAX}
NAME = {"maxLength": TEXT_MAX}
NO_POLICY = {"type": "string", "pattern": "^[a-z]{1,20}$"}
# What stands in objects that may hold anything.
ANYTHING = {
    "anyOf": [
        SCALAR,
        {"type": "array", "maxItems": LIST_MAX, "items": SCALAR},
        {"type": "object", "maxProperties": LIST_MAX, "propertyNames": NAME, "additionalProperties": SCALAR},
    ]
}


def kinds(schema):
    kind = schema.get("type", [])
    return kind if isinstance(kind, list) else [kind]


def parts(schema):
    """Schemas within one."""
    found = [schema.get("items"), schema.get("additionalProperties"), *schema.get("properties", {}).values()]
    for name in ("prefixItems", "oneOf", "anyOf"):
        found += schema.get(name, [])
    return [part for part in found if isinstance(part, dict)]


def tighten(schema):
    for part in parts(schema):
        tighten(part)
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    elif "object" in kinds(schema):
        schema.setdefault("additionalProperties", ANYTHING)
        schema.setdefault("propertyNames", NAME)
        schema.setdefault("maxProperties", LIST_MAX)
    if "array" in kinds(schema):
        schema.setdefault("maxItems", LIST_MAX)
    if "string" in kinds(schema) and "pattern" not in schema and "enum" not in schema:
        schema.setdefault("maxLength", TEXT_MAX)
    if "examples" in schema:
        examples, others = schema.pop("examples"), dict(schema)
        schema.clear()
        schema["anyOf"] = [{"enum": examples}, others]


def names(schema, schemas, found):
    """Schemas that are referred to, and those that they refer to."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name in schemas and name not in found:
        found.add(name)
        names(schemas[name], schemas, found)
    for part in parts(schema):
        names(part, schemas, found)


def main(path, server, policy):
    with open(path, encoding="utf-8") as file:
        api = yaml.safe_load(file)
    schemas, requested, own = api["components"]["schemas"], set(), {}
    schemas["PolicySource"]["properties"]["src"] = {"anyOf": [{"enum": [policy]}, NO_POLICY]}
    for item in api["paths"].values():
        for method in METHODS & item.keys():
            operation = item[method]
            if server not in operation["x-served-by"]:
                del item[method]
                continue
            requests = [parameter["schema"] for parameter in operation.get("parameters", [])]
            requests += [body["schema"] for body in operation.get("requestBody", {}).get("content", {}).values()]
            for schema in requests:
                names(schema, schemas, requested)
                # Parameters that several operations share are one.
                own[id(schema)] = schema
    for schema in [*own.values(), *(schemas[name] for name in requested)]:
        tighten(schema)
    json.dump(api, sys.stdout)


main(*sys.argv[1:])
