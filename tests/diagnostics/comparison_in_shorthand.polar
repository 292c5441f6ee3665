actor User {}
resource Doc {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  relations = { owner: User, folder: Folder };

  "read" if "reader";
  "write" if "writer";
  "writer" if "owner";
  "reader" if "reader" on "folder";
  "read" if level(resource, x) and x > 3;
}
resource Folder { roles = ["reader"]; }
