-- Names compare bytewise, as in the order in which rows are locked. The updates of
-- a hot row stay in its page while there is room.
create table {prefix}stock_levels (
	sku text collate "C" not null,
	location text collate "C" not null,
	bucket integer not null check (bucket between 0 and 63),
	on_hand bigint not null,
	reserved bigint not null check (reserved >= 0 and reserved <= on_hand),
	primary key (sku, location, bucket)
) with (fillfactor = 50);

create table {prefix}stock_holds (
	hold text collate "C" not null,
	n integer not null,
	sku text collate "C" not null,
	location text collate "C" not null,
	bucket integer not null,
	quantity bigint not null check (quantity > 0),
	until bigint not null,
	state text not null check (state in ('live', 'committed', 'released', 'expired')),
	primary key (hold, n)
);

create index {prefix}stock_holds_until on {prefix}stock_holds (until) where state = 'live' and n = 0;

create index {prefix}stock_holds_key on {prefix}stock_holds (sku, location, until) where state = 'live';
