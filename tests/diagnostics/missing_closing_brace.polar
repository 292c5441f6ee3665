actor User {}
resource Doc {
  roles = ["reader"];

resource Folder {
  permissions = ["read"];
  "read" if "nobody";
}
