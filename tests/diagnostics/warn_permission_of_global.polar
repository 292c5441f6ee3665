actor User {}
global { roles = ["auditor"]; permissions = ["export"]; }
resource Doc { roles = ["reader"]; "reader" if global "auditor"; }
