actor User {}
resource Doc { roles = ["reader"]; permissions = ["read", "print"]; relations = { folder: Doc }; "read" if "reader"; "read" if "read" on "folder"; }
has_permission(u: User, "read") if vip(u);
has_permission(u: User, "print", d: Doc) if has_role(u, d);
has_permission(u: User, "print", d: Doc) if has_relation(d, u) and has_role(u);
has_role(u: User, "reader", d: Doc, 7) if vip(u) and vip(d);
