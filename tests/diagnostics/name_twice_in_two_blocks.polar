resource Doc { roles = ["reader"]; }

resource Doc { relations = { reader: Doc }; }
