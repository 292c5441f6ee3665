p(x) if q(x;
r(x) if s(x,);
