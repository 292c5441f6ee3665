resource Doc {
  roles: ["reader"];
  "reader" if "x";
}
