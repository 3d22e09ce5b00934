create table {prefix}stock_levels (
	sku text not null,
	location text not null,
	bucket integer not null check (bucket between 0 and 63),
	on_hand bigint not null,
	reserved bigint not null check (reserved >= 0 and reserved <= on_hand),
	primary key (sku, location, bucket)
) without rowid;

create table {prefix}stock_holds (
	hold text not null,
	n integer not null,
	sku text not null,
	location text not null,
	bucket integer not null,
	quantity bigint not null check (quantity > 0),
	until bigint not null,
	state text not null check (state in ('live', 'committed', 'released', 'expired')),
	primary key (hold, n)
) without rowid;

create index {prefix}stock_holds_until on {prefix}stock_holds (until) where state = 'live' and n = 0;

create index {prefix}stock_holds_key on {prefix}stock_holds (sku, location, until) where state = 'live';
