resource Asset {}
resource Printer extends Aset { roles = ["x"]; "x" if "y"; }
resource Laptop extends Machine {}
