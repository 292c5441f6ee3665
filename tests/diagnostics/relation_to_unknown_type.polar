actor User {}
resource Doc {
  roles = ["reader"];
  relations = { owner: Usr, folder: Shelf };
  "reader" if "reader" on "folder";
}
