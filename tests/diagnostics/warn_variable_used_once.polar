actor User {}
resource Doc { permissions = ["read"]; "read" if shared(resource, with); }
p(a: User, b: User, _c: User) if knows(a, who) and at(a, _place) and not met(a, whom);
