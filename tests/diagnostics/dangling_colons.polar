acme::(1);
