actor User {}
p(User{"*"});
