# Todo lists: roles and addresses are the decision point's own, who owns a todo is said by the caller.
actor user {}
resource todo {}

has_permission(_: user, "can_read_user", _: user);
has_permission(_: user, "can_read_todos", _: todo);

has_permission(u: user, "can_create_todo", _: todo) if
  has_role(u, role) and role in ["admin", "editor"];

has_permission(u: user, "can_update_todo", _: todo) if has_role(u, "evil_genius");
has_permission(u: user, "can_delete_todo", _: todo) if has_role(u, "admin");

has_permission(u: user, action: String, t: todo) if
  action in ["can_update_todo", "can_delete_todo"] and
  has_role(u, "editor") and
  email(u, address) and
  resource_property(t, "ownerID", address);
