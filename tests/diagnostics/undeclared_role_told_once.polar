actor User {}
resource Doc {
  permissions = ["read", "write"];
  "read" if "member";
  "write" if "member";
}
