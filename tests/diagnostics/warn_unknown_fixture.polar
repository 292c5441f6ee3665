test fixture staff { p(1); }
test "t" {
  setup { fixture staf; fixture guests; }
  assert p(1);
}
