actor User {}
test "t" {
  assert p(x: User) if x in [User{"a"}];
}
