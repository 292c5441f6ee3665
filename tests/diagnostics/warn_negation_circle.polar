actor User {}
blocked(u: User) if not trusted(u);
trusted(u: User) if not blocked(u);
odd(u: User) if next(u, v) and not odd(v);
self(u: User) if seen(u) and not self(u);
allow(u: User, "read", d: User) if blocked(u) and odd(d) and self(u);
