open(1)
