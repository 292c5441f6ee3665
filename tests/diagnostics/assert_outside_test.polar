actor User {}
assert allow(User{"a"}, "read", User{"a"});
