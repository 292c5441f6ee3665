actor User {}
p(x: User) if x = "ann";
q(x) if "a" = "b" and r(x);
r(x) if x in [];
s(x) if t(x) and false;
