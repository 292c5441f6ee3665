p(x) if x == 1;
q(x) if x == ;
