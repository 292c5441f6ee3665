actor User {}
resource Org { roles = ["member"]; }
resource Doc {
  permissions = ["read"];
  relations = { org: Org };
  "read" if "member";
}
