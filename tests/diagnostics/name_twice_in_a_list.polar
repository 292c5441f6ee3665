resource Doc { roles = ["reader", "writer", "reader"]; }
