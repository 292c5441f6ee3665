"""Asks everything that the SDK can ask; prints one JSON document of answers. A call that fails fails the program."""

import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor

from client import client, folder, organization, repository, user
from oso_cloud import ValueOfType, typed_var

web = repository("web")
newcomer = [("has_role", user("new"), "writer", repository("lab"))]

action, repo, someone = typed_var("String"), typed_var("Repository"), typed_var("User")
field, n, full = typed_var("Field"), typed_var("Integer"), typed_var("Boolean")


def page(oso):
    page = oso.list_paginated(user("ann"), "read", "Folder", 10_000)
    return {"results": page.results, "next": page.next_page_token}


def anns(oso):
    return oso.build_query(("allow", user("ann"), action, repo))


def facts(*pattern):
    return lambda oso: [[predicate, *map(dataclasses.asdict, args)] for predicate, *args in oso.get(pattern)]


QUESTIONS = {
    "authorize: allowed by a role above": lambda oso: oso.authorize(user("bo"), "read", web),
    "authorize: denied": lambda oso: oso.authorize(user("bo"), "push", web),
    "authorize: denied by negation": lambda oso: oso.authorize(user("ann"), "push", repository("old")),
    "authorize: five folders up": lambda oso: oso.authorize(user("bo"), "read", folder("web/6")),
    "authorize: any user": lambda oso: oso.authorize(user("stranger"), "read", repository("handbook")),
    "authorize: what was deleted": lambda oso: oso.authorize(user("leaver"), "read", web),
    "authorize: unknown action": lambda oso: oso.authorize(user("ann"), "frob", web),
    "authorize: context facts": lambda oso: oso.authorize(user("new"), "push", repository("lab"), newcomer),
    "authorize: without them": lambda oso: oso.authorize(user("new"), "push", repository("lab")),
    "authorize: beyond ASCII": lambda oso: oso.authorize(user("zoë 🦉"), "read", repository("docs/αβγ")),
    "list": lambda oso: oso.list(user("ann"), "read", "Repository"),
    "list: context facts": lambda oso: oso.list(user("new"), "push", "Repository", newcomer),
    "list: only what is public": lambda oso: oso.list(user("leaver"), "read", "Repository"),
    "list: everything": lambda oso: oso.list(user("eve"), "read", "Organization"),
    "list: a page": page,
    "actions": lambda oso: oso.actions(user("ann"), web),
    "actions: context facts": lambda oso: oso.actions(user("new"), repository("lab"), newcomer),
    "policy metadata": lambda oso: dataclasses.asdict(oso.get_policy_metadata()),
    "query: true": lambda oso: oso.build_query(("allow", user("ann"), "push", web)).evaluate(),
    "query: false": lambda oso: oso.build_query(("allow", user("bo"), "push", web)).evaluate(),
    "query: global permission": lambda oso: oso.build_query(
        ("has_permission", user("eve"), "create_organization")
    ).evaluate(),
    "query: values": lambda oso: oso.build_query(("allow", user("ann"), action, web)).evaluate(action),
    "query: pairs": lambda oso: anns(oso).evaluate((action, repo)),
    "query: map": lambda oso: anns(oso).evaluate({repo: action}),
    "query: map of maps": lambda oso: oso.build_query(("allow", someone, action, repo)).evaluate(
        {someone: {repo: action}}
    ),
    "query: in": lambda oso: anns(oso).in_(repo, ["old", "handbook", "nowhere"]).evaluate({repo: action}),
    "query: in nothing": lambda oso: anns(oso).in_(repo, []).evaluate(repo),
    "query: and": lambda oso: anns(oso)
    .and_(("has_relation", repo, "organization", organization("acme")))
    .evaluate((action, repo)),
    "query: joined and in": lambda oso: anns(oso)
    .and_(("is_archived", repo))
    .in_(action, ["read", "push"])
    .evaluate((repo, action)),
    "query: context facts": lambda oso: oso.build_query(("allow", user("new"), action, repo))
    .with_context_facts(newcomer)
    .evaluate((repo, action)),
    "query: any user": lambda oso: oso.build_query(("allow", someone, "read", repository("handbook"))).evaluate(someone),
    "query: field": lambda oso: oso.build_query(("allow_field", user("ann"), "read", web, field)).evaluate(field),
    "query: primitive types": lambda oso: oso.build_query(("seats", organization("acme"), n, full)).evaluate((n, full)),
    "query: rule of one argument": lambda oso: oso.build_query(("crowded", organization("acme"))).evaluate(),
    "get: by actor": facts("has_role", user("ann"), None, None),
    "get: by type": facts("has_relation", ValueOfType("Folder"), "parent", ValueOfType("Folder")),
    "get: primitive types": facts("seats", None, None, None),
    "get: nothing": facts("has_role", user("leaver"), None, None),
}

# While the primary is dead the SDK waits up to a second before each call reaches the node: so they are made together,
# each by a client of its own.
with ThreadPoolExecutor(max_workers=len(QUESTIONS)) as threads:
    answers = dict(zip(QUESTIONS, threads.map(lambda question: question(client()), QUESTIONS.values())))
given = {name: len(answers[name]) for name in QUESTIONS if name.startswith("get")}
print(json.dumps({"answers": answers, "given": given}))
