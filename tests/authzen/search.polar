# Records of departments: owners, colleagues and managers; a manager may view any.
actor user {}
resource record {}

has_permission(u: user, action: String, r: record) if
  action in ["view", "edit", "delete"] and owner(r, u);

has_permission(u: user, "view", r: record) if dept(u, d) and dept(r, d);
has_permission(u: user, "view", _: record) if title(u, "manager");

has_permission(u: user, "edit", r: record) if
  title(u, "manager") and dept(u, d) and dept(r, d);
