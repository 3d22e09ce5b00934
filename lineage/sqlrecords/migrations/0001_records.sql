create table {prefix}counter (
	one integer not null primary key check (one = 1),
	cursor bigint not null,
	upload bigint not null
);

insert into {prefix}counter (one, cursor, upload) values (1, 0, 0);

create table {prefix}bodies (
	hash {blob} not null primary key check (length(hash) = 32),
	body {blob} not null
);

create table {prefix}records (
	cursor bigint not null primary key,
	id {blob} not null unique check (length(id) = 32),
	learnt bigint not null,
	time bigint not null,
	head {blob} not null,
	body {blob} check (length(body) = 32),
	raw {blob},
	bytes bigint not null,
	run {blob},
	job {blob}
);

create index {prefix}records_body on {prefix}records (body);

create index {prefix}records_run on {prefix}records (run, time, id) where run is not null;

create index {prefix}records_job on {prefix}records (job, time, id) where job is not null;

create index {prefix}records_time on {prefix}records (time, id) where run is not null;

create table {prefix}checkpoint (
	one integer not null primary key check (one = 1),
	version bigint not null,
	cursor bigint not null,
	fingerprint {blob} not null,
	upload bigint not null,
	parts bigint not null
);

create table {prefix}checkpoint_parts (
	upload bigint not null,
	part bigint not null,
	crc bigint not null,
	data {blob} not null,
	primary key (upload, part)
);
