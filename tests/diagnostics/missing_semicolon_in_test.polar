actor User {}
test "t" {
  setup {
    p(User{"a"})
    p(User{"b"});
  }
  assert p(User{"a"})
  assert p(User{"b"});
}
