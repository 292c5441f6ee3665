# An API gateway: which verbs a route takes from whom.
actor identity {}
resource route {}

has_permission(who: identity, verb: String, r: route) if takes(r, verb, role) and has_role(who, role);
