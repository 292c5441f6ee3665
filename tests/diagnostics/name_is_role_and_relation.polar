actor User {}
resource Doc {
  roles = ["owner"];
  relations = { owner: User };
}
