actor User {}
resource Doc {
  roles = ["reader"];
