actor User {}
resource Doc {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  relations = { owner: User, folder: Folder };

  "read" if "reader";
  "write" if "writer";
  "writer" if "owner";
  "reader" if "reader" on "folder";
  "read" if "raeder";
  roles = ["reader"];
}
resource Folder { roles = ["reader"]; }
p(x) if q(x
r(x) if s(x) and;
last(x) if y == x and z(x;
