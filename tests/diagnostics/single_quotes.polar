p('abc');
q(x) if x = 'it' and;
