resource Doc {
  roles = [reader, writer];
  "reader" if "writer";
}
