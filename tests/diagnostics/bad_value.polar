p(Integer{"x"});
q(Boolean{"maybe"});
