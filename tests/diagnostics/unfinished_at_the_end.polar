actor User {}

has_permission(u: User, "read", d: User) if
  likes(u, d) and
  knows
