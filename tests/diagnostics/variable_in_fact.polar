actor User {}
test "t" {
  setup {
    p(x);
    q(User{"a"}) if true;
  }
  assert p(User{"a"});
}
