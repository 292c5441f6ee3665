# The fixture of the standard's certification: two people, two records, what the decision point knows of them.
actor user {}

resource record {
  roles = ["reader", "editor"];
  permissions = ["read", "write", "delete"];
  "reader" if "editor";
  "read" if "reader";
}

archived(r: record) if resource_property(r, "status", "archived");

has_permission(u: user, "write", r: record) if
  has_role(u, "editor", r) and not archived(r);

has_permission(u: user, "write", r: record) if
  subject_property(u, "role", "admin") and archived(r);

has_permission(u: user, "delete", r: record) if
  has_role(u, "editor", r) and action_property("delete", "soft", true);
