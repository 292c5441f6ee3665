p(a, b, c) if a < b < c;
