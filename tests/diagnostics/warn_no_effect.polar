actor User {}
type User;
type allow(u: User, action, resource);
?= allow(User{"a"}, "read", User{"b"});
allow(u: User, "read", d: User) if likes(u, d) and print(u) and debug();
