allow(actor, action, doc) if doc.owner = actor.id;
allow(actor, "read", doc) if doc.folder.owner = actor;
allow(actor, "read", doc) if x := doc and x isa Doc;
allow(actor, "read", doc) if doc = new Doc("a");
allow(actor, "read", doc) if actor.can(doc);
