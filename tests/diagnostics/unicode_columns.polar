resource Größe {
  roles = ["ä", "ö"];
  "日本語" if "ü";
}
# 😀
p("😀", "é") if größe(x,);
