actor User {}
resource Doc {
  roles = ["reader"];
  has_role(u: User, "reader", d: Doc) if owns(u, d);
  "reader" if "nothing";
}
