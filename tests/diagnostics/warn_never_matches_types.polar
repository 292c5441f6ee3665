actor User {}
resource Doc {}
p(x: User) if x matches Doc;
q(x: Doc) if (r(x) or x matches String);
