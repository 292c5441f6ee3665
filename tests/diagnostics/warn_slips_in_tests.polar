actor User {}
resource Doc { roles = ["viewer"]; permissions = ["read"]; relations = { owner: User }; "read" if "viewer"; "viewer" if "owner"; }
test fixture base { has_rol(User{"a"}, "viewer", Doc{"d"}); }
test "slips" {
  setup {
    fixture base;
    has_role(User{"a"}, "veiwer", Doc{"d"});
    has_role(Usr{"a"}, "viewer", Doc{"d"});
    has_role(User{"a"}, "viewer");
    has_relation(Doc{"d"}, "owner", Doc{"e"});
  }
  assert allow(User{"a"}, "raed", Doc{"d"});
  assert_not allow(Usr{"a"}, "read", Doc{"d"});
  assert_not has_permision(User{"b"}, "read", Doc{"d"});
  assert_not allow(User{"b"}, x: String, Dok{"d"});
}
