actor User {}
resource Doc {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  relations = { owner: User, folder: Folder };

  "read" if "reader";
  "write" if "writer";
  "writer" if "owner";
  "reader" if "reader" on "folder";
  "write" if "writer" on "folder";
}
resource Folder { roles = ["reader"]; }
