actor User {}
resource Doc {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  relations = { owner: User, folder: Folder };

  "read" if "reader";
  "write" if "writer";
  "writer" if "owner";
  "reader" if "reader" on "folder";
}
resource Folder { roles = ["reader"]; }
has_role(u: Usr, "wirter", d: Doc) if owns(u, d);
owned(u: User, d: Doc) if has_rol(u, "reader", d) and own(u, d);
owns(u: User, d: Doc) if has_relation(d, "ownr", u) and owned(u);
