actor User {}
resource Doc
  roles = ["reader"];
  "reader" if "writer";
}
p(x) if x = ;
