actor User {}
}
p(x) if q(x) and;
