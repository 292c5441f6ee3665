resource Doc {
  roles = ["reader"];
  "reader" if "writer";
}
