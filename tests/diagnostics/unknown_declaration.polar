resource Doc {
  role = ["reader"];
  owners = ["a"];
}
