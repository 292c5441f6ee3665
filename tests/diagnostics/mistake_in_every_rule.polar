a(x) if b(x;
c(x) if d(x) e(x);
f(x if g(x);
h(x) if i(x),;
j(x) if k(x);
l(1.5);
