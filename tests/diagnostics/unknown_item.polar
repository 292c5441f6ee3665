resorce Doc {
  roles = ["reader"];
}
resource Folder { relations = { doc: Doc }; "x" if "reader" on "doc"; }
policy "p" { }
