# Who may do what in a small code hosting service: organisations own repositories, repositories hold folders in folders.
# Roles come from above: from the organisation to its repositories, from a repository to its folders, from a folder to
# the folders in it. Teams hold roles for their members. A suspended user may do nothing.

actor User {}

actor Team {}

resource Organization {
  roles = ["member", "admin"];
  permissions = ["read", "invite"];

  "read" if "member";
  "invite" if "admin";

  "member" if "admin";
}

resource Repository {
  roles = ["reader", "writer", "maintainer"];
  permissions = ["read", "push", "delete"];
  relations = { organization: Organization };

  "reader" if "member" on "organization";
  "maintainer" if "admin" on "organization";

  "read" if "reader";
  "push" if "writer";
  "delete" if "maintainer";

  "read" if is_public(resource);

  "writer" if "maintainer";
  "reader" if "writer";
}

resource Folder {
  roles = ["reader", "writer", "maintainer"];
  permissions = ["read", "write"];
  relations = { repository: Repository, parent: Folder };

  role if role on "repository";
  role if role on "parent";

  "read" if "reader";
  "write" if "writer";

  "writer" if "maintainer";
  "reader" if "writer";
}

# What a team may, its members may.
has_role(user: User, role: String, resource: Resource) if
  team matches Team and
  has_group(user, team) and
  has_role(team, role, resource);

allow(user: User, action: String, resource: Resource) if
  has_permission(user, action, resource) and
  not is_suspended(user);

test "an organisation's members read its repositories, its admins do everything" {
  setup {
    has_role(User{"bo"}, "member", Organization{"acme"});
    has_role(User{"ann"}, "admin", Organization{"acme"});
    has_relation(Repository{"web"}, "organization", Organization{"acme"});
    has_relation(Repository{"site"}, "organization", Organization{"other"});
  }

  assert allow(User{"bo"}, "read", Repository{"web"});
  assert_not allow(User{"bo"}, "push", Repository{"web"});
  assert_not allow(User{"bo"}, "read", Repository{"site"});
  assert allow(User{"ann"}, "delete", Repository{"web"});
  assert allow(User{"ann"}, "invite", Organization{"acme"});
  assert_not allow(User{"bo"}, "invite", Organization{"acme"});
}

test "a role on a repository reaches the deepest folder, never upwards" {
  setup {
    has_role(User{"cy"}, "writer", Repository{"web"});
    has_role(User{"di"}, "writer", Folder{"web/src"});
    has_relation(Folder{"web/src"}, "repository", Repository{"web"});
    has_relation(Folder{"web/src/pages"}, "parent", Folder{"web/src"});
    has_relation(Folder{"web/src/pages/home"}, "parent", Folder{"web/src/pages"});
  }

  assert allow(User{"cy"}, "write", Folder{"web/src/pages/home"});
  assert allow(User{"di"}, "write", Folder{"web/src/pages/home"});
  assert_not allow(User{"di"}, "push", Repository{"web"});
}

test "a team's role is its members' role" {
  setup {
    has_group(User{"ed"}, Team{"docs"});
    has_role(Team{"docs"}, "writer", Folder{"web/docs"});
  }

  assert allow(User{"ed"}, "write", Folder{"web/docs"});
  assert_not allow(User{"fay"}, "read", Folder{"web/docs"});
}

test "a public repository is read by anyone who is not suspended" {
  setup {
    is_public(Repository{"handbook"});
    is_suspended(User{"max"});
    has_role(User{"max"}, "maintainer", Repository{"web"});
  }

  assert allow(User{"anyone"}, "read", Repository{"handbook"});
  assert_not allow(User{"anyone"}, "push", Repository{"handbook"});
  assert_not allow(User{"max"}, "read", Repository{"handbook"});
  assert_not allow(User{"max"}, "read", Repository{"web"});
}
