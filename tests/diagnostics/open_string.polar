p("abc);
q(x) if r(x,);
