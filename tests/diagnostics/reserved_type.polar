resource String {}
actor Actor {}
