price(1.5);
price(1e9);
