actor User {}
resource Doc {
  roles = ["reader"];
  relations = { owner: User, reviewer: User };
  "reader" if "owner";
}
resource Page {
  relations = { owner: User };
}
