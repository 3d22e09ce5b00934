create table {prefix}books (
	name text not null primary key check (length(name) between 1 and 128),
	draft_revision bigint not null,
	last bigint not null
);

create table {prefix}versions (
	book text not null references {prefix}books (name),
	version bigint not null,
	digest {blob} not null,
	policy {blob} not null,
	effective_from bigint not null,
	published_at bigint not null,
	published_by text not null check (length(published_by) <= 128),
	note text not null check (length(note) <= 1024),
	immediate integer not null check (immediate in (0, 1)),
	primary key (book, version)
);

create table {prefix}parts (
	book text not null references {prefix}books (name),
	digest {blob} not null,
	data {blob} not null,
	primary key (book, digest)
);

create table {prefix}version_parts (
	book text not null,
	version bigint not null,
	part integer not null check (part between 0 and 255),
	digest {blob} not null,
	primary key (book, version, part),
	foreign key (book, version) references {prefix}versions (book, version),
	foreign key (book, digest) references {prefix}parts (book, digest)
);

create index {prefix}version_parts_digest on {prefix}version_parts (book, digest);
