resource Doc {
  roles = ["reader"]
  permissions = ["read"];
  "read" if "reader";
}
