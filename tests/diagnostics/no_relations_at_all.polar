resource Org { roles = ["m"]; }
resource Doc {
  permissions = ["read"];
  "read" if "m" on "org";
}
