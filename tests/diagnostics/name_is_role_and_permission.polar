resource Doc { roles = ["read"]; permissions = ["read"]; }
