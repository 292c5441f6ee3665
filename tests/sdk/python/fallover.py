"""Makes every call that the SDK may send on to its fallback, and one that it may not; prints what the application gets."""

import dataclasses
import json
import os
from concurrent.futures import ThreadPoolExecutor

from oso_cloud import Oso, Value, typed_var


def client():
    return Oso(
        url=os.environ["UNDERSTUDY_URL"],
        api_key=os.environ["UNDERSTUDY_KEY"],
        fallback_url=os.environ.get("UNDERSTUDY_FALLBACK_URL"),
        data_bindings=os.environ["UNDERSTUDY_BINDINGS"],
    )


ann, web = Value("User", "ann"), Value("Repo", "web")
repo = typed_var("Repo")

CALLS = {
    "authorize": lambda oso: oso.authorize(ann, "read", web),
    "list": lambda oso: oso.list(ann, "read", "Repo"),
    "actions": lambda oso: oso.actions(ann, web),
    "evaluate_query": lambda oso: oso.build_query(("allow", ann, "read", web)).evaluate(),
    "facts": lambda oso: [
        [predicate, *map(dataclasses.asdict, args)] for predicate, *args in oso.get(("has_role", None, None, None))
    ],
    "policy_metadata": lambda oso: dataclasses.asdict(oso.get_policy_metadata()),
    "authorize_query": lambda oso: oso.authorize_local(ann, "read", web),
    "list_query": lambda oso: oso.list_local(ann, "read", "Repo", "id"),
    "actions_query": lambda oso: oso.actions_local(ann, web),
    "evaluate_query_local": lambda oso: oso.build_query(("allow", ann, "read", repo)).evaluate_local_select({"id": repo}),
    "batch": lambda oso: oso.insert(("has_role", ann, "reader", web)),
}


def outcome(call):
    try:
        return {"answer": call(client())}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


# Some faults take seconds to be seen: every call has a client of its own, and they are made together.
with ThreadPoolExecutor(max_workers=len(CALLS)) as threads:
    print(json.dumps(dict(zip(CALLS, threads.map(outcome, CALLS.values())))))
