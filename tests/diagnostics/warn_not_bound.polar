actor User {}
resource Doc { permissions = ["read", "write", "print"]; "print" if not is_secret(doc); }
has_permission(u: User, "read", d: Doc) if published(d, u) and not is_secret(doc);
has_permission(u: User, "write", d: Doc) if level(u, have) and level(d, need) and have > wanted and need > 3;
has_permission(_: User, "read", d: Doc) if open(d) and not closed(everything);
