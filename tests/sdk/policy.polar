# What the programs of this folder write: every shape of question that the SDKs have gets an answer worth comparing.

global {
  roles = ["auditor"];
  permissions = ["create_organization"];

  "create_organization" if "auditor";
}

actor User {}

resource Organization {
  roles = ["member", "admin"];
  permissions = ["read", "invite"];

  "read" if "member";
  "read" if global "auditor";
  "invite" if "admin";

  "member" if "admin";
}

resource Repository {
  roles = ["reader", "writer"];
  permissions = ["read", "push"];
  relations = { organization: Organization };

  "reader" if "member" on "organization";
  "writer" if "admin" on "organization";

  "read" if "reader";
  "push" if "writer" and not is_archived(resource);

  # Anyone: a row without a user's id.
  "read" if is_public(resource);

  "reader" if "writer";
}

resource Folder {
  roles = ["reader"];
  permissions = ["read"];
  relations = { repository: Repository, parent: Folder };

  "reader" if "reader" on "repository";
  "reader" if "reader" on "parent";
  "read" if "reader";
}

# Some fields are for writers only.
allow_field(user: User, "read", repository: Repository, Field{"name"}) if
  has_permission(user, "read", repository);
allow_field(user: User, "read", repository: Repository, Field{"secrets"}) if
  has_permission(user, "push", repository);

# Values of every primitive type are kept and given back.
declare seats(Organization, Integer, Boolean);

crowded(organization: Organization) if
  seats(organization, n, true) and n > 100;

test "a member reads, an admin pushes, an archive is read only" {
  setup {
    has_role(User{"ann"}, "admin", Organization{"acme"});
    has_role(User{"bo"}, "member", Organization{"acme"});
    has_relation(Repository{"web"}, "organization", Organization{"acme"});
    has_relation(Repository{"old"}, "organization", Organization{"acme"});
    is_archived(Repository{"old"});
  }

  assert allow(User{"ann"}, "push", Repository{"web"});
  assert allow(User{"ann"}, "read", Repository{"old"});
  assert_not allow(User{"ann"}, "push", Repository{"old"});
  assert_not allow(User{"bo"}, "push", Repository{"web"});
}
