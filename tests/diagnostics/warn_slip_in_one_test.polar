actor User {}
resource Doc { permissions = ["read"]; }
has_permission(_: User, "read", d: Doc) if is_public(d);
test "a slip in the test is not the name that was meant" {
  setup { is_publc(Doc{"d"}); }
  assert_not allow(User{"a"}, "read", Doc{"d"});
}
