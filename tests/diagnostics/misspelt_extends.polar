resource A {}
resource B extend A {
  roles = ["r"];
}
