"""The component in Python: no answer but an allow is true, and every error says what it is.

    python answers.py understudy.component.wasm
"""

import sys

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record, Variant

POLICY = """
actor User {}
resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
"""




engine = Engine()
store = Store(engine)
instance = Linker(engine).instantiate(store, Component.from_file(engine, sys.argv[1]))


def function(interface, name):
    interface = instance.get_export_index(store, f"understudy:engine/{interface}@0.1.0")
    found = instance.get_func(store, instance.get_export_index(store, name, interface))

    def call(*arguments):
        answer = found(store, *arguments)
        found.post_return(store)
        return answer

    return call


def named(fields):
    """A record whose names are those of WIT."""
    made = Record()
    made.__dict__.update(fields)
    return made


def value(type_name, id):
    return named({"type-name": type_name, "id": id})


def context(budget=None):
    return named({"facts": [], "now-s": 0, "budget": budget})


ann, bob, web = value("User", "ann"), value("User", "bob"), value("Repo", "web")
reader = named({"predicate": "has_role", "args": [ann, value("String", "reader"), web]})
manifest = named({"environment": "e", "tenant": "", "store": "s", "epoch": 1, "created-ms": 0, "offset": 0, "facts": 0})
authorize, refuses, query = (function("authorizer", name) for name in ("authorize", "refuses", "query"))

# Nothing is open yet: an error, and no allow.
assert not authorize(ann, "read", web, context())
assert refuses(ann, "read", web, context()).error.tag == "not-open"

snapshot = function("snapshot", "build")(manifest, POLICY, None, [reader])
function("snapshot", "reserve")(len(snapshot))
function("snapshot", "write")(0, snapshot)
options = named({"seed": 1, "checked": "nothing", "memory-max": 16 << 20, "room": 1 << 20})
assert function("snapshot", "seal")(options).facts == 1

assert authorize(ann, "read", web, context()) is True
assert refuses(ann, "read", web, context()) is None
assert not authorize(bob, "read", web, context())
assert refuses(bob, "read", web, context()).error is None
# The budget is spent before there is an answer.
assert not authorize(ann, "read", web, context(budget=0))
spent = refuses(ann, "read", web, context(budget=0))
assert spent and spent.error.tag == "budget" and "units" in spent.message, spent
assert not authorize(value("User", "*"), "read", web, context())

anything = named({"type-name": None, "id": None})
asked = named({"predicate": "has_role", "args": [anything, anything, anything]})
page = query(asked, context(), named({"skip": 0, "limit": 1}))
assert page.total == 1 and len(page.rows) == 1
assert isinstance(query(asked, context(budget=0), None), Variant)
print("ok")
