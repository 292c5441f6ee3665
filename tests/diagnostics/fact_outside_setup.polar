test "t" {
  p(1);
  assert p(1);
}
