actor User {}
resource Folder { roles = ["viewer"]; }
resource Doc {
  roles = ["viewer"];
  permissions = ["read", "edit"];
  relations = { folder: Folder };
}
declare owner(User, Doc);
has_permission(u: User, "read", d: Doc) if owner(d, u);
has_permission(u: User, "read", d: Doc) if owner(u, d);
has_permission(u: User, "read", d: Doc) if has_relation(f, "folder", d) and has_role(u, "viewer", f) and f matches Folder;
has_permission(d: Doc, "edit", u: User) if has_role(u, "viewer", d);
has_permission(u: User, "edit", d: Doc) if has_role(d, "viewer", u);
has_permission(u: User, "edit", d: Doc) if has_role(u, "viewer", d) and owner(_, d);
