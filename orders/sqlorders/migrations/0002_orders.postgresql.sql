-- States are JSON as the engine writes it; columns beside it are what the database
-- itself must know. Updates of a row stay in its page while there is room.
create table {prefix}carts (
	id text collate "C" primary key,
	version bigint not null,
	body text not null
) with (fillfactor = 70);

create table {prefix}checkouts (
	id text collate "C" primary key,
	version bigint not null,
	cart text collate "C" not null,
	live integer not null,
	body text not null
) with (fillfactor = 50);

create unique index {prefix}checkouts_live on {prefix}checkouts (cart) where live = 1;

create table {prefix}orders (
	id text collate "C" primary key,
	version bigint not null,
	body text not null
) with (fillfactor = 50);

create table {prefix}effects (
	key text collate "C" primary key,
	owner text collate "C" not null,
	due bigint not null,
	fence bigint not null,
	leased bigint,
	worker text not null,
	done integer not null,
	body text not null
) with (fillfactor = 50);

create index {prefix}effects_due on {prefix}effects (due, key) where done = 0;

create index {prefix}effects_owner on {prefix}effects (owner) where done = 0;

-- seq is 65,536 times the transaction's number, and the event's place in it: below
-- the oldest transaction that is under way nothing is added any more. A database that
-- was restored into another server is ahead of its numbers, by the largest of these.
create table {prefix}epochs (
	ahead bigint primary key
);

create table {prefix}events (
	seq bigint primary key,
	aggregate text collate "C" not null,
	number bigint not null,
	ref text collate "C" not null,
	body text not null,
	unique (aggregate, number)
);

create index {prefix}events_ref on {prefix}events (ref, seq) where ref <> '';

create table {prefix}postings (
	seq bigint primary key,
	body text not null
);

create table {prefix}requests (
	scope text collate "C" not null,
	key text collate "C" not null,
	keep_until bigint not null,
	body text not null,
	primary key (scope, key)
);

create index {prefix}requests_until on {prefix}requests (keep_until);
