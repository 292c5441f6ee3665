actor User {}
resource Repository { permissions = ["read"]; }
has_permission(u: User, "read", r: Repository) if is_public(r);
has_permission(u: Usr, "read", r: Repository) if is_public(r);
has_permission(u: User, "read", w: Warehouse) if is_public(w) and u matches Robot;
