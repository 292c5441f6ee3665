"""The client as an application makes it: `UNDERSTUDY_URL` is the primary, `UNDERSTUDY_FALLBACK_URL` the node."""

import os

from oso_cloud import Oso, Value


def client():
    return Oso(
        url=os.environ["UNDERSTUDY_URL"],
        api_key=os.environ["UNDERSTUDY_KEY"],
        fallback_url=os.environ.get("UNDERSTUDY_FALLBACK_URL"),
    )


def user(id):
    return Value("User", id)


def organization(id):
    return Value("Organization", id)


def repository(id):
    return Value("Repository", id)


def folder(id):
    return Value("Folder", id)
