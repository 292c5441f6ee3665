p(x) if q(x) && r(x);
p(x) if q(x) || r(x);
p(x) if x.name = "a";
p(x) if q(x) and x = 1 + 2;
