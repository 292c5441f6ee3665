p(x) if ;
q(x) if r(x) and ;
