actor User {}
resource Doc {
  roles = ["reader"];
  permissions = ["read", "write", "purge", "shred"];
  "read" if "reader";
  "purge" if "shred";
  "shred" if "purge";
}
