p(x) if x;
