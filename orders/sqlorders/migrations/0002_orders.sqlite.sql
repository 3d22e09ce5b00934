create table {prefix}carts (
	id text primary key,
	version bigint not null,
	body text not null
) without rowid;

create table {prefix}checkouts (
	id text primary key,
	version bigint not null,
	cart text not null,
	live integer not null,
	body text not null
) without rowid;

create unique index {prefix}checkouts_live on {prefix}checkouts (cart) where live = 1;

create table {prefix}orders (
	id text primary key,
	version bigint not null,
	body text not null
) without rowid;

create table {prefix}effects (
	key text primary key,
	owner text not null,
	due bigint not null,
	fence bigint not null,
	leased bigint,
	worker text not null,
	done integer not null,
	body text not null
) without rowid;

create index {prefix}effects_due on {prefix}effects (due, key) where done = 0;

create index {prefix}effects_owner on {prefix}effects (owner) where done = 0;

-- One writer at a time: the next number is never seen before the one before it.
create table {prefix}events (
	seq integer primary key,
	aggregate text not null,
	number bigint not null,
	ref text not null,
	body text not null,
	unique (aggregate, number)
);

create index {prefix}events_ref on {prefix}events (ref, seq) where ref <> '';

create table {prefix}postings (
	seq integer primary key,
	body text not null
);

create table {prefix}requests (
	scope text not null,
	key text not null,
	keep_until bigint not null,
	body text not null,
	primary key (scope, key)
) without rowid;

create index {prefix}requests_until on {prefix}requests (keep_until);
