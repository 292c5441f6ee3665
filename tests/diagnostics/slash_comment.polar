// who may do what
actor User {}
