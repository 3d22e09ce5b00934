# Runs a PostgreSQL cluster in the folder $2 with the binaries in the folder $1,
# says "ready" when it takes connections, and ends and removes it once standard
# input is closed: which the system does when whoever started this has ended.
# The server reads no configuration of the user's, and listens only on a socket
# in $2, which is closed to other users.
bin=$1
dir=$2

start() {
	"$bin/initdb" -D "$dir/data" -U tenon -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
		cat >>"$dir/data/postgresql.conf" <<-EOF &&
			listen_addresses = ''
			unix_socket_directories = '$dir'
			max_connections = 200
			fsync = off
		EOF
		"$bin/pg_ctl" start -w -t 60 -s -D "$dir/data" -l "$dir/log" >>"$dir/log" 2>&1
}

if start; then
	echo ready
	read -r _
	"$bin/pg_ctl" stop -w -s -m immediate -D "$dir/data" >/dev/null 2>&1
	rm -rf "$dir"
else
	cat "$dir/log"
	rm -rf "$dir"
	exit 1
fi
