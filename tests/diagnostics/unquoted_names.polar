actor User {}
resource Doc {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  relations = { owner: User, folder: Folder };

  "read" if "reader";
  "write" if "writer";
  "writer" if "owner";
  "reader" if "reader" on "folder";
  read if "reader";
  "read" if reader;
  "read" if "reader" on folder;
  "read" "reader";
}
resource Folder { roles = ["reader"]; }
