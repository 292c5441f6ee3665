actor User {}
actor User {}
resource Doc { roles = ["reader"]; }
resource Doc { permissions = ["read"]; "read" if "reader"; }
