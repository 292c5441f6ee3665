actor User {}
resource Doc { roles = ["a"]; "b" if "a"; }
