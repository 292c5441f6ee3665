p(x: String) if q(x, n) and n >= 0 and x < 3;
r(n) if n > "7";
