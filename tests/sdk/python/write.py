"""Writes policy and facts in every way that the SDK has; prints what came of each: "written", or the error."""

import json
import sys
from pathlib import Path

from client import client, folder, organization, repository, user

oso = client()


def batch():
    with oso.batch() as tx:
        tx.insert(("has_role", user("ann"), "admin", organization("acme")))
        tx.insert(("has_role", user("bo"), "member", organization("acme")))
        tx.insert(("has_role", user("zoë 🦉"), "reader", repository("docs/αβγ")))
        tx.insert(("has_role", user("eve"), "auditor"))
        tx.insert(("has_role", user("leaver"), "admin", organization("acme")))
        for name in ["web", "api", "old"]:
            tx.insert(("has_relation", repository(name), "organization", organization("acme")))
        tx.insert(("has_relation", folder("web/1"), "repository", repository("web")))
        for n in range(2, 7):
            tx.insert(("has_relation", folder(f"web/{n}"), "parent", folder(f"web/{n - 1}")))
        tx.insert(("is_archived", repository("old")))
        tx.insert(("is_public", repository("handbook")))
        tx.insert(("seats", organization("acme"), 250, True))
        tx.insert(("seats", organization("tiny"), 3, False))
        # Later changes of a batch see the earlier ones.
        tx.delete(("has_role", user("leaver"), None, None))


WRITES = {
    "policy": lambda: oso.policy(Path(sys.argv[1]).read_text(encoding="utf-8")),
    "batch": batch,
    "insert": lambda: oso.insert(("has_role", user("cy"), "writer", repository("web"))),
    "insert_wrong": lambda: oso.insert(("has_role", user("cy"), "writer", repository("api"))),
    "delete": lambda: oso.delete(("has_role", user("cy"), "writer", repository("api"))),
}

outcomes = {}
for name, write in WRITES.items():
    try:
        write()
        outcomes[name] = "written"
    except Exception as error:
        outcomes[name] = f"{type(error).__name__}: {error}"
print(json.dumps(outcomes))
