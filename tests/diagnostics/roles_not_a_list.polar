resource Doc { roles = { reader }; permissions = "read"; }
resource Folder { relations = [parent]; }
