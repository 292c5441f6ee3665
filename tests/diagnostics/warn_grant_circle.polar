actor User {}
resource Doc {
  roles = ["a", "b", "c", "d", "e"];
  permissions = ["read"];
  "a" if "b";
  "b" if "c" or "d";
  "c" if "a";
  "read" if "a";
  "e" if "e";
}
