actor User {}
seen(u: User) if met(u);
test fixture a { met(User{"a"}); fixture b; }
test fixture b { fixture c; met(User{"b"}); }
test fixture c { fixture a; }
test "t" { setup { fixture a; } assert seen(User{"a"}); }
