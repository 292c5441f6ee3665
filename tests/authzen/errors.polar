# What can't be answered, and what brings too much.
actor user {}
resource record {}

# Whoever is not banned: nobody can list them.
allow(u: user, "shy", _: record) if not banned(u);

# A record that wins if it moves to one that doesn't: undecided on a circle.
wins(x: record) if moves(x, y) and not wins(y);
allow(_: user, "win", r: record) if wins(r);

# Every pair of places on a long circle.
reach(x: record, y: record) if next(x, y);
reach(x: record, z: record) if reach(x, y) and next(y, z);
allow(_: user, "tour", r: record) if reach(r, x) and reach(x, y) and never(y);

allow(_: user, "read", _: record);

# Any key is seen of a resource, one of a subject.
allow(_: user, "tagged", r: record) if resource_property(r, _key, "x");
allow(u: user, "cleared", _: record) if subject_property(u, "clearance", 3);
