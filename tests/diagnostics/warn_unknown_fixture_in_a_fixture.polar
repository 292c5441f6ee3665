actor User {}
seen(u: User) if met(u);
test fixture people { met(User{"a"}); }
test fixture more { fixture peple; met(User{"b"}); }
test "t" { setup { fixture more; } assert seen(User{"a"}); }
