p(x) if q(r(x));
