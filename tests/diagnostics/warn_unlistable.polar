actor User {}
resource Doc { roles = ["reader"]; permissions = ["read", "write", "print", "scan"]; "print" if "reader" and not is_private(resource); "scan" if not is_private(resource); }
has_permission(_: User, "read", d: Doc) if not is_private(d);
has_permission(_: User, "write", d: Doc) if is_open(d);
has_permission(_: User, "write", d: Doc) if size(d, n) and n > 3;
is_open(d: Doc) if d != Doc{"closed"};
