actor User {}
likes(a: User, b: User) if knows(a, b)
knows(User{"ann"}, User{"bo"});
