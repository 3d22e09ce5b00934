create table {prefix}accounts (
	id text not null primary key check (length(id) between 1 and 1000),
	unit text not null,
	reserved bigint not null check (reserved >= 0),
	committed bigint not null check (committed >= 0)
);

create table {prefix}entries (
	entry_key {blob} not null primary key check (length(entry_key) between 1 and 200),
	version bigint not null check (version > 0),
	state text not null check (state in ('RESERVED', 'COMMITTED', 'RELEASED', 'EXPIRED', 'REVERSED')),
	fingerprint {blob} not null check (length(fingerprint) = 32),
	debits text not null,
	reversals text not null,
	result {blob} not null,
	expires bigint not null
);

create index {prefix}entries_due on {prefix}entries (expires, entry_key) where state = 'RESERVED';
