--- users.polar
actor User {}
resource Doc { roles = ["reader"]; }
--- rules.polar
resource Doc {
  relations = { reader: User };
  "reader" if "writer";
}
--- more.polar
resource Doc { roles = ["admin"] }
"x"
