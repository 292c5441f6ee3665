p(x) if q([1, 2], x) or r(x);
