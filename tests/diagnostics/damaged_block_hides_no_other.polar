resource Doc {
  roles = ["reader", writer];
  permissions = ["read"];
  "read" if "writer";
  "read" if "reader" "writer";
}
p(x) if ;
